// Package stanza holds the values that travel on an XMPP stream: [Message],
// [Presence] and [IQ] (RFC 6120 §8, RFC 6121), the [Element] for anything
// else, stanza and stream errors, and typed payloads. It knows no connection
// and does no I/O; nothing in it blocks.
//
// # Payloads
//
// What an extension puts into a stanza is read with [Payload] and written with
// [Add]. The type is either one with a codec of its own ([Decoder], [Appender])
// or any struct with encoding/xml tags:
//
//	type Mood struct {
//		XMLName xml.Name `xml:"https://example.org/mood mood"`
//		Colour  string   `xml:"colour,attr"`
//	}
//
//	mood, err := stanza.Payload[Mood](m)
//
// What no type asks for is kept: a received stanza that is written again
// carries its unknown attributes and children.
//
// # Sharing
//
// A received stanza may be read by many goroutines at once and is changed by
// none: whoever wants to change one takes a Clone. Its strings share the one
// buffer it was received in, so a program that stores a short one for long
// stores strings.Clone of it; addresses own their bytes.
package stanza
