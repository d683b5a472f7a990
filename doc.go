// Package xmpp is an XMPP client: it connects to a server, logs in, stays online, and exchanges
// messages, presence and requests (RFC 6120, RFC 6121).
//
// # In a few lines
//
// A script makes a connection with [Dial] and sends:
//
//	conn, err := xmpp.Dial(ctx, "romeo@montague.example", xmpp.Secret(password))
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	juliet := conn.ChatManager().CreateChat(jid.MustParse("juliet@capulet.example"))
//	return juliet.SendMessage(ctx, "Hello!")
//
// A bot makes one with [NewConnection], attaches its listeners and extensions, and calls
// [Connection.Run], which stays online through lost networks and restarted servers until its
// context ends. Nothing can arrive before its listener exists.
//
// # Callbacks and channels
//
// Whatever happens again and again comes as a pair: OnX with a callback, and Xs with a channel.
// Callbacks of one connection run one after another, in the order in which the server sent, on a
// goroutine that reads nothing: a callback may send, request, wait for the answer or for another
// connection. A callback that takes long delays later callbacks, not answers or pings; when too
// much waits, the connection stops reading until the callbacks have caught up, and
// [Connection.OnSlowConsumer] tells. A channel counts the same way, so read it or end its context.
//
// IQ handlers ([OnGet], [OnSet]) and the steps of extensions run before that, on the router; they
// may send and request, but not wait for a message or presence. [Async] lets any handler step out
// of line.
//
// # Pitfalls
//
// nil from Send means "accepted", not "sent": end a program with [Connection.Shutdown], which says
// what was left.
//
// A channel that nobody reads stalls its connection: read it, or end its context.
//
// A callback that waits for a later callback or channel value of its own connection waits for
// itself: it calls [Async] first. An IQ handler holds up everything that was received later, so
// one that takes long calls Async too.
//
// # Sending
//
// [Connection.Send] returns when the stanza has its place in the outbox, which keeps messages
// while the connection is lost. [Connection.Submit] also tells what became of it. [Connection.Get]
// and [Connection.Set] send a request and wait for the answer, which only the one who was asked
// can give.
//
// # When the connection breaks
//
// The session goes on. What was accepted is kept and numbered until the server has acknowledged it
// (XEP-0198); the connection comes back by itself and resumes the session, and what the server had
// not got is written again. A message counts as received when its listeners have returned, so one
// that a crash interrupts comes again. Where the server has forgotten the session a new one begins
// ([StateChange].Reset): what it is known not to have is sent again, an archive is asked about the
// rest (package xep/mam), and what nobody can tell follows [ResendPolicy]. Nothing of that is
// silent: [Connection.Submit] tells of each message, OnError of what had no Submit.
//
// # Payloads
//
// What a stanza carries besides its fields is a payload: any struct with encoding/xml tags.
// stanza.Payload[T] reads one, stanza.Add writes one. There is no registry, and what nobody knows
// is kept.
//
// # Errors
//
// errors.Is finds sentinels ([ErrClosed]) and conditions (stanza.ItemNotFound,
// sasl.NotAuthorized); errors.As finds what the peer said (*stanza.Error, *stanza.StreamError,
// *sasl.Failure) and [*ConnectError], which lists every endpoint that was tried and the step that
// failed. [SafeToRetry] tells whether a second try can happen twice, [Terminal] whether it is
// pointless.
//
// # Safety
//
// The zero configuration is the safe one: TLS is required and verified against the account's
// domain, passwords are proven by SCRAM and not shown, channel binding is used where the server
// has it, and what a peer may send is bounded. Package xmpptest is an in-process server, so a
// program can be tested without one.
package xmpp
