package xmpp_test

import "strings"

// offer is the features of a server that has these mechanisms.
func offer(mechanisms ...string) string {
	return "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>" + strings.Join(mechanisms, "</mechanism><mechanism>") + "</mechanism></mechanisms></stream:features>"
}

// seeOther is the stream error that sends a client elsewhere.
func seeOther(host string) string {
	return "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + host + "</see-other-host></stream:error></stream:stream>"
}
