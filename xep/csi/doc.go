// Package csi implements XEP-0352 (Client State Indication) 1.0.0: telling the server whether
// somebody looks at what comes, so that it can spare a phone what can wait.
//
//	state := csi.New(conn)
//	state.Inactive(ctx) // the screen is off
//
// What was said last holds until something else is said: it is told again in each new session and
// after each resumption, because servers forget it (XEP-0352 §5.2), within Bind 2 where that is used.
// Who says something while the outbox is full waits, and no longer than to the next session, which tells
// it in his place.
//
// Left out: nothing.
//
// What is dangerous: while a program is inactive, servers hold back presence and chat states, or
// throw away all but the newest, so what is known of contacts is old. Messages come as ever. A bot
// that acts on presence has no use for this.
package csi
