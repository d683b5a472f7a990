package xmpp

import "github.com/gosmack/xmpp/stanza"

// passing tells whether a stanza says only what held when it was sent: a chat state without a text (XEP-0085). In a later session it would be
// wrong, so it is not sent again.
func passing(data []byte) bool {
	for _, s := range reread(data) {
		m, ok := s.(*stanza.Message)
		if !ok || m.Body != "" || len(m.Bodies) > 0 || m.Subject != "" {
			return false
		}
		states := 0
		for p := range m.Payloads() {
			switch p.Space() {
			case "http://jabber.org/protocol/chatstates":
				states++
			case "urn:xmpp:hints": // about how to keep it
			default:
				return false
			}
		}
		return states > 0
	}
	return false
}
