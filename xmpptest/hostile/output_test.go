package hostile_test

import (
	"context"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

func say(text string) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		return s.ChatManager().CreateChat(jid.MustParse(contact)).SendMessage(ctx, text)
	}
}

// S100 to S112: what we write.
var _ = add(
	row{id: "S103", title: "Characters that can't stand in XML", oracle: rejectRow, scenes: rejects(
		reject{name: "NUL", call: say("a\x00b"), twin: say("a b")},
		reject{name: "escape", call: say("\x1b"), twin: say("]]>")},
		reject{name: "no character", call: say("\ufffe"), twin: say("\ufffd")},
	)},
)

var _ stanza.Stanza
