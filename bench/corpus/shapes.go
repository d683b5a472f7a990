package corpus

import "strings"

// Sized returns n chat messages of size bytes each; at least 73.
func Sized(size, n int) []byte {
	const head, tail = `<message from='juliet@bench.example' type='chat'><body>`, `</body></message>`
	return []byte(strings.Repeat(head+strings.Repeat("x", max(1, size-len(head)-len(tail)))+tail, n))
}

// Room returns the presences of a room's n occupants (XEP-0045 §7.2.2).
func Room(n int) []byte {
	g := generator{}
	for i := range n {
		g.printf(`<presence from='feast@rooms.bench.example/guest%06d' to='%s'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x></presence>`, i, Address)
	}
	return g.b
}

// Roster returns the answer to a roster request (RFC 6121 §2.1.4) with n contacts. They
// are in no groups, so that a hundred thousand stay within what one stanza may have.
func Roster(id string, n int) []byte {
	g := generator{}
	g.printf(`<iq type='result' id='%s'><query xmlns='jabber:iq:roster'>`, id)
	for i := range n {
		g.printf(`<item jid='contact%06d@bench.example' name='Contact %d' subscription='both'/>`, i, i)
	}
	g.printf(`</query></iq>`)
	return g.b
}
