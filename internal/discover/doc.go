// Package discover finds the servers of an XMPP domain and connects to the one that answers first.
//
// [Lookup] asks DNS for both client services (RFC 6120 §3.2, XEP-0368) and gives the endpoints in the order in which
// they should be tried. [Race] tries them as RFC 8305 (Happy Eyeballs) says: it resolves, connects and secures, starts
// the next attempt every 250 ms or as soon as one fails, and keeps the first that is secured. [Proxy] makes a [Dialer]
// that goes through SOCKS5 or HTTP CONNECT.
//
// Nothing here is an identity: a certificate has to be checked against the domain of the address, never against the
// name of an endpoint, which comes from DNS (RFC 6120 §13.7.2.1). TXT records and host-meta are never asked.
package discover
