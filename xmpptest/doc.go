// Package xmpptest is an XMPP server in the process of a test, for programs
// that use package xmpp as net/http/httptest is for those that use net/http.
//
//	srv := xmpptest.NewServer(t, nil)
//	bot, err := xmpp.NewConnection(srv.Configuration("bot"))
//	…
//	romeo := srv.Client(t, "romeo")
//
// It is a test double. It behaves as RFC 6120 and RFC 6121 say, with TLS, SASL,
// rosters, subscriptions, presence, message routing, offline storage, service
// discovery and ping, with stream management and resumption (XEP-0198), copies
// for other resources (XEP-0280), message archives (XEP-0313) and client state
// indication (XEP-0352), on request with SASL2 (XEP-0388), Bind 2 (XEP-0386) and
// FAST (XEP-0484), and forgets everything when it is closed. It has no
// connections to other servers, defends itself against nobody, keeps passwords
// as they are and must never be reachable from a network.
//
// A server in memory, which is the default, also works inside a testing/synctest
// bubble, where time is virtual: make it there. With [Options.Listen] it opens
// TCP ports on loopback, to which any XMPP client can log in that trusts
// [Server.CAPEM].
//
// # Misbehaving
//
// On request it does what networks and bad servers do:
//
//   - [Server.Drop] and [Server.Kick] end a user's connections, and
//     [Server.Restart] all of them.
//   - [StreamManagement] refuses to resume, tells wrong counts or none, asks
//     too often or never; [Server.Forget] loses a session, [Server.Sessions]
//     shows what both sides count.
//   - [Server.RevokeTokens] distrusts the tokens of FAST.
//   - [Faults] cut a connection at a byte, stall it, delay it, send in small
//     pieces, send a stanza twice or out of order: on every connection
//     ([Options.Faults]), the next ([Server.Next]), those of a user
//     ([Server.SetFaults]) or one ([Conn.SetFaults]).
//   - [Dialer.Refuse] and [Dialer.BlackHole] keep clients from connecting.
//   - [Server.Intercept] and [Server.InterceptOutgoing] drop and replace
//     stanzas; [Conn.Send] makes some up.
//   - [Server.Script] plays the server by hand, from the first byte on.
//
// A script for a server that offers no TLS and must not see credentials:
//
//	srv.Script(func(c *xmpptest.ScriptConn) error {
//		if _, err := c.Header(); err != nil {
//			return err
//		}
//		c.SendHeader()
//		c.Send("<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" +
//			"<mechanism>PLAIN</mechanism></mechanisms></stream:features>")
//		return c.ExpectEnd("")
//	})
package xmpptest
