// Package forward implements XEP-0297 (Stanza Forwarding) 1.0: a stanza that
// stands inside another, as it was sent. Archives (XEP-0313) and copies
// (XEP-0280) use it, and people who pass on a message.
//
//	m := &stanza.Message{To: mercutio, Type: stanza.MessageChat, Body: "A most courteous exposition!"}
//	stanza.Add(m, forward.Forwarded{Stanza: received, Delay: delay.Delay{Stamp: at}})
//
// Left out: stanzas in the namespace jabber:server, which no client sees.
//
// What is dangerous: what is forwarded is what the forwarder says, all of it:
// sender, time and text. Nothing here hands a forwarded stanza to anybody as if
// it had been received, and nothing else may, unless its own protocol says who is
// believed about what (XEP-0297 §7): carbons and mam check that. To
// show a forwarded message, take it by stanza.Payload and show who forwarded it. It
// also tells its reader what its first sender told only us, his presence included.
package forward
