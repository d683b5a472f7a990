// Package jid holds XMPP addresses (RFC 7622).
//
// A [JID] is a small comparable value: two addresses are the same exactly when
// == says so, because every JID has been prepared. Case and width are folded
// in the local part, the domain is in its Unicode form without a final dot,
// and the resource is normalized and keeps its case. There is no way to make a
// JID that was not checked, so a JID never smuggles markup or a second address
// into a stanza.
//
// Preparation follows UsernameCaseMapped and OpaqueString (RFC 8265) for the
// local part and the resource, and IDNA2008 with the mappings of UTS #46 for
// the domain. Symbols that UTS #46 lets pass in a domain (☃.example) pass here
// too; what looks alike but differs is not refused
// but can be asked for with [MixedScript] and [Skeleton].
//
// Everything here is pure computation: nothing blocks, and all of it may be
// used from any goroutine and any handler. The only state is a cache of parsed
// addresses that is bounded in entries and bytes. A JID that was parsed may lie
// in a piece of up to 512 bytes of it; [JID.Clone] is for those that a program
// keeps by the thousand.
package jid
