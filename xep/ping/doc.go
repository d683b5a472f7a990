// Package ping implements the asking side of XEP-0199 (XMPP Ping) 2.0.1: is an
// entity there, and how long does its answer take. Without this package every
// connection answers pings of those who may see its presence; others get the
// service-unavailable that nobody being there would make.
//
// Left out: pinging at intervals to keep a connection alive.
//
// What is dangerous: an answer tells that a client is online. A ping to a full
// address goes to the client itself, one to an account's bare address is
// answered by its server and says nothing about the account's clients.
package ping
