// Package sm is XEP-0198 (version 1.6.3, stream management) as a state machine: what was sent and
// isn't acknowledged ([Out]), what was received and isn't handled ([In]), both kept as a [State]
// between processes, and the elements that are exchanged about them.
//
// There is no I/O in it, no goroutine and no clock: the time is an argument. Nothing in it locks;
// the caller does. An Out belongs with the queue that the writer takes from, an In with the
// queue that the reader fills.
//
// Numbers on the wire are modulo 2³² (XEP-0198 §4) and are uint32 here; h is always such a number.
package sm

// NS is the namespace of stream management, and the name of its feature.
const NS = "urn:xmpp:sm:3"
