// Package disco implements XEP-0030 (Service Discovery) 2.5.0 with the forms of
// XEP-0128 (Service Discovery Extensions) 1.0.1: it asks what an entity is, what
// it can and what belongs to it, and answers the same about us.
//
// What we can is what is attached to the connection: the features of every
// extension, those of the core and no others. Programs add what we are
// ([Options.Identities]); extensions add identities, forms and nodes through the
// [Disco] that they are given.
//
//	d := disco.New(conn, &disco.Options{Identities: []disco.Identity{{Category: "client", Type: "bot", Name: "Echo"}}})
//
// Left out: fetching long lists of items in pages (XEP-0059), and caching (see
// XEP-0115 for that). Forms are elements as they were received.
//
// What is dangerous: an answer tells what software we are and that we are
// online. So only our own account, its server and contacts who may see our
// presence get one; everybody else gets service-unavailable, as from a client
// that doesn't know the protocol, unless [Options.Everybody] is set. What others
// say of themselves proves nothing: a feature is a reason to try, never to trust.
package disco
