package hostile_test

import (
	"context"
	"slices"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// A stranger's request that is none tells no more than one that is: neither that we are here nor what we could answer.
var _ = add(
	row{id: "S143a", title: "Somebody who may not see our presence sends requests that are none", oracle: ignoreRow, also: "TestAutomaticAnswers", scenes: slices.Concat(
		malformed("no payload", "<iq type='get' id='1'%s/>"),
		malformed("text for a payload", "<iq type='set' id='1'%s>ping</iq>"),
		malformed("two payloads", "<iq type='get' id='1'%s><ping xmlns='urn:xmpp:ping'/><ping xmlns='urn:xmpp:ping'/></iq>"),
		malformed("a payload of a handler that can't be read", "<iq type='get' id='1'%s><typed xmlns='urn:example:typed' number='many'/></iq>"),
	)},
)

func handlesTyped(s *session) {
	s.Handle(xmpp.OnGet(func(context.Context, typed, *stanza.IQ) (any, error) { return nil, nil }))
}

// malformed is sent by who doesn't see us, and, as the twin, by who does.
func malformed(name, format string) []scene {
	return spoof(ignore{
		name: name, send: format, answers: []stanza.Condition{stanza.ServiceUnavailable}, prepare: handlesTyped,
		twin: format, shows: "bad-request", // whoever sees us may know what was wrong
	}, "absent", "own bare", "own full", "own other", "own domain", "contact bare", "contact full")
}
