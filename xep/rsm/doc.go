// Package rsm implements XEP-0059 (Result Set Management) 1.0: asking for a long
// list page by page. The protocols that have long lists (archives, publish-subscribe,
// service discovery) put a [Request] into their question and find a [Result] in
// the answer; [Items] and [Pages] go through all of it.
//
// Left out: nothing. Which protocols support pages is theirs to say; who doesn't
// know them sends everything, or its own first part.
//
// What is dangerous: the other side chooses counts, positions and IDs. A count may be
// wrong (it may be approximate even from honest ones), so never size anything by it.
// A list may never end; [Pages] notices one that goes round in circles, and
// everything else ends with its context or a break.
package rsm
