// Package stanzaid implements XEP-0359 (Unique and Stable Stanza IDs) 0.7.0: the
// ID by which an archive or a room knows a message, and the one by which its
// sender knows it.
//
//	id, err := stanzaid.Trusted(m, conn.User(), announces)
//
// Left out: <referenced-stanza/>, which no protocol uses. Nothing is announced,
// because the feature says that an entity assigns IDs, which is for servers and
// rooms. Messages that we send get no <origin-id/> of themselves: their own id
// is as unique. For a service that overwrites ids, add an [OriginID].
//
// What is dangerous: anybody can put a <stanza-id/> on what he sends. Servers and
// rooms that follow the rules of the protocol take away those that name
// themselves, and say so by announcing [NS]; of others one can make us believe
// that we have a message already, or that the archive goes on elsewhere. So use
// [Trusted] before an ID decides about anything (XEP-0359 §6). An origin ID is
// never more than the sender's word.
package stanzaid
