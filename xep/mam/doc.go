// Package mam implements XEP-0313 (Message Archive Management) 1.1.3 with the preferences of XEP-0441
// (Message Archive Management Preferences) 0.2.0 and the search of XEP-0431 (Full Text Search in MAM)
// 0.2.0: reading what the server has kept of our account's conversations, or a room of its own.
//
//	archive := mam.New(conn, &mam.Options{Sync: true})
//	…
//	for m, err := range archive.Messages(ctx, mam.Query{With: juliet, Since: yesterday}) {
//
// Without [Options.Sync] nothing is asked by itself, but for one thing: when a session with stream
// management was lost for good, the archive tells which of our unacknowledged messages had arrived.
// Eight conversations are asked about at a time, those of the oldest messages first, and none more once a
// query got no answer: of the rest nothing is known.
//
// With it, every session that doesn't go on with the one before begins by fetching what was missed. The
// position in the archive is kept in the connection's Store. It moves when the listeners of a message have
// returned, whichever way that came, and is written a second later, so that a busy stream doesn't keep a
// disk busy: after a crash the messages of the last second come again. The first session ever takes the
// newest message for the position and fetches nothing. Live messages wait meanwhile, at most 1000 and for 30 s,
// and keep the order; past that they come at once, which OnError is told. Whether live or from the archive,
// each comes once within a process, as far as the last 32 768 go. Where the archive no longer knows the
// position, it goes on an hour before it, and OnError is told, as it is while the archive can't answer. A
// position that the Store has damaged is reported and begun anew, as in the first session.
// Messages of rooms are passed over: rooms have archives of their own. What this very process has sent is not
// told to OnSent; what an earlier one sent from another resource is.
//
// A program with a position doesn't get what waits offline: Bind 2 is used then, on which servers throw that
// away. So a position alone is not enough for it: the session before must have found that the archive is there
// and that its IDs can be believed. Where an archive is switched off, the messages that wait for the next start of a
// program are lost for once, and only if all was well in the session before. The position stays for the day on
// which the archive is back; what came meanwhile may then come again.
//
// Left out: flipped pages (a page is turned round here), include-groupchat, the attribute stable, the form
// of the fields, and archives of nodes (XEP-0442). Messages from [Archive.Messages] are not decrypted: no
// extension's step sees them.
//
// What is dangerous: an archive puts words into anybody's mouth. A result counts only if it comes from the
// archive that was asked and names an open query, and in a room's archive
// only if its sender was in that room; who may have said what in our own is the word of our server. Messages
// from Sync look like live ones: a program that answers should look at the mark [Archived] and at its time.
// IDs on live messages are believed only where the server announces that it takes away forged ones, and in each
// session not before it has done so: until then they move no position, and only what is the same in all else too is
// taken for a double. Without the announcement there is no Sync.
package mam
