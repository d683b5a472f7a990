package delay

import (
	"slices"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// By returns the first delay on s whose From is one of who: a room for its
// messages, our own server or account for what it kept while we were offline.
// There may be several, one by each who kept the stanza; those of others are
// passed over, as are those that can't be read. The error is stanza.ErrAbsent.
// It may be called from anywhere.
func By(s stanza.Stanza, who ...jid.JID) (Delay, error) {
	for e := range s.Payloads() {
		if !e.Is(NS, "delay") {
			continue
		}
		d, err := stanza.Decode[Delay](e)
		if err == nil && !d.From.IsZero() && slices.Contains(who, d.From) {
			return d, nil
		}
	}
	return Delay{}, stanza.ErrAbsent
}
