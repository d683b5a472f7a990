package stanzaid

import (
	"errors"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// The errors of [Find] and [Trusted], besides stanza.ErrAbsent: there are IDs,
// but none to go by.
var (
	// ErrAmbiguous: one entity seems to have given two IDs, which the protocol
	// forbids (XEP-0359 §3), so at least one is forged.
	ErrAmbiguous = errors.New("stanzaid: two IDs by the same entity")
	// ErrNotAnnounced: the entity that the ID names doesn't say that it takes away
	// forged ones.
	ErrNotAnnounced = errors.New("stanzaid: the entity doesn't announce " + NS)
)

// Trusted returns the ID that m has in the archive it belongs to: the one by the
// room for a message of type groupchat, by our own account for every other
// (XEP-0359 §3). IDs by others are passed over. own is our address, full or bare;
// announces tells whether an entity, bare, has the feature [NS], as far as that is
// known, and is asked only where it matters; a nil one knows nothing.
//
// m must be the message as it was sent: of a copy (XEP-0280) the one inside, after
// the copy's own origin was verified. Trusted does not check that we are in a room that
// sends. Messages of type error have no ID. Errors are stanza.ErrAbsent,
// [ErrNotAnnounced] and [ErrAmbiguous]. It may be called from anywhere.
func Trusted(m *stanza.Message, own jid.JID, announces func(jid.JID) bool) (StanzaID, error) {
	by := own.Bare()
	switch m.Type {
	case stanza.MessageGroupchat:
		by = m.From.Bare()
	case stanza.MessageError: // it echoes what somebody sent
		return StanzaID{}, stanza.ErrAbsent
	}
	id, err := Find(m, by)
	if err == nil && (announces == nil || !announces(by)) {
		return StanzaID{}, ErrNotAnnounced
	}
	return id, err
}

// Find returns the ID that names by, an address compared exactly, whoever put it
// there: see [Trusted]. IDs that can't be read are passed over, unless they name by
// too. Errors are stanza.ErrAbsent and [ErrAmbiguous]. It may be called from
// anywhere.
func Find(s stanza.Stanza, by jid.JID) (StanzaID, error) {
	var found StanzaID
	n := 0
	for e := range s.Payloads() {
		if !e.Is(NS, "stanza-id") {
			continue
		}
		id, err := stanza.Decode[StanzaID](e)
		if id.By.IsZero() || id.By != by {
			continue
		}
		n++
		if err == nil {
			found = id
		}
	}
	switch {
	case n > 1:
		return StanzaID{}, ErrAmbiguous
	case found.ID == "":
		return StanzaID{}, stanza.ErrAbsent
	}
	return found, nil
}
