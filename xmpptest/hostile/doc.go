// Package hostile holds the tests of what an attacker, a broken server or a careless
// contact can do to a client. Each row of docs/security.md is a subtest of TestHostile
// with the row's number, run through the public API against a server that package
// xmpptest lets a script play.
//
// What has to hold is one of five things:
//
//   - ABORT: the client ends the connection within a second, with the stream error that
//     is named, and the call returns a typed error; after what the server did it writes
//     no credential, token or stanza, and it doesn't connect again. A client that was
//     online may, where the row says why, and tells nothing to who proves less.
//   - IGNORE: what came reaches no listener and no handler and changes no state, and the
//     next good stanza is heard; a request is answered once, with the error that is named.
//   - REJECT: the call returns an error, and not one byte is written. A call that has no
//     connection to write to, such as one that parses an address, has only the error.
//   - BOUND: time, memory, goroutines or bytes stay within the limit that is named.
//   - WHOLE: the server reads each stanza that is sent as one, and with the text that the
//     program gave where it was put, whatever that is and whoever sends beside it.
//
// What the server sends comes in one piece, byte by byte, and in random pieces, where the
// table of docs/security.md names ways of cutting. A row about a sender is run for every
// kind of sender. Each has its twin, which must be taken and differs in what makes the
// attack one.
//
// The password is a canary in every scene: what is logged and traced is searched for it
// as it comes, but for the traces of scenes that measure a flood. What a call returns is
// searched in ABORT and in the row about it, S060.
package hostile
