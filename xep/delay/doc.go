// Package delay implements XEP-0203 (Delayed Delivery) 2.0 with the dates and
// times of XEP-0082 (XMPP Date and Time Profiles) 1.1.1: it tells when a stanza
// was sent that was kept somewhere on its way.
//
//	if d, err := stanza.Payload[delay.Delay](m); err == nil {
//		fmt.Println("sent at", d.Stamp)
//	}
//
// The functions for dates and times serve other extensions too.
//
// Left out: the older format of XEP-0091, which is obsolete. Of XML Schema's
// dates those before year 1 and after 9999, the hour 24, and a time zone at a
// date; XEP-0082 §5 says that these can safely be ignored.
//
// What is dangerous: anybody can put a delay on what he sends, also one that
// names another as its author. A client that sorts by it can be shown a message
// in the past, or in the future. [By] finds the one by an entity that is trusted,
// as far as that entity's server strips what others forge (XEP-0203 §5).
// What we write is always in UTC, so that it doesn't tell where we are.
package delay
