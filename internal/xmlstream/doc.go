// Package xmlstream turns the bytes of an XMPP stream into elements and back.
//
// It reads the profile of XML that RFC 6120 §11 leaves over: no comments, no
// processing instructions, no document type, no entities but the five
// predefined ones, UTF-8 only. Whatever is outside of it ends the stream with
// an [Error] that names the stream error condition of RFC 6120 §4.9.3. It knows
// the syntax only; what an element means is decided above.
//
// A [Reader] scans each byte once, however the network cuts the stream. An
// element of the stream becomes one immutable string and one slice of compact
// nodes, which all handles of type [Element] share. A [Writer] appends to one
// buffer and refuses what XML can't represent.
package xmlstream
