package xmpp

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/gosmack/xmpp/stanza"
)

// An Extension is what a protocol extension adds to a connection: whichever of the fields it
// needs. Features and IQ make it visible and answer; the steps see messages and presence on their
// way; Start, Online and Closed follow the connection's life.
//
// A step returns the message to go on with; it never changes the one it got, but a Clone. (m, nil)
// goes on, (nil, nil) has consumed it, (m, err) reports err and goes on, (nil, err) reports err
// and drops what is forged. Each looks only at its own payload, so the order of attachment does
// not matter. Incoming steps run on the router and may request but never wait for a message or
// presence; Outgoing and Encrypt run in the sender's goroutine.
type Extension struct {
	// Name for errors and logs: the package's.
	Name string
	// Features are announced by service discovery while the extension is attached (XEP-0030).
	Features []string
	// IQ are the requests it answers.
	IQ []IQHandler

	// Unwrap takes a message out of another (carbons). At most one acts on a message; what it
	// returns is never unwrapped again.
	Unwrap func(ctx context.Context, m *stanza.Message) (*stanza.Message, error)
	// Admit comes behind Unwrap and says what of a message goes on now. ahead are messages that it
	// had kept back and that go on before m; hold keeps m back, too: the extension hands it to a
	// later Admit as ahead, or to Deliver, or it has come twice. What is kept back counts as handled,
	// so keep only what can be had again. An archive that catches up keeps the order by it. Errors
	// and what Deliver brings don't pass it.
	Admit func(ctx context.Context, m *stanza.Message) (ahead []*stanza.Message, hold bool)
	// Decrypt turns a message into the one that was meant.
	Decrypt func(ctx context.Context, m *stanza.Message) (*stanza.Message, error)
	// Incoming sees every message that is left, those of type error too.
	Incoming func(ctx context.Context, m *stanza.Message) (*stanza.Message, error)
	// Handled hears of each message, as it was before Decrypt, when its listeners have returned or a
	// step has consumed it. It runs on the application goroutine, in order but for callbacks that
	// called Async, and must return promptly.
	Handled func(m *stanza.Message)
	// Outgoing sees every message that we send, but errors, once.
	Outgoing func(ctx context.Context, m *stanza.Message) (*stanza.Message, error)
	// Encrypt comes after all Outgoing.
	Encrypt func(ctx context.Context, m *stanza.Message) (*stanza.Message, error)
	// Presence sees every presence that was received; true keeps it from roster and listeners
	// (rooms' occupants).
	Presence func(ctx context.Context, p *stanza.Presence) (consumed bool)
	// Announce adds to every available presence that we send, directed ones too. p is its own to
	// change. It may not wait for the connection or set presence.
	Announce func(ctx context.Context, p *stanza.Presence) error

	// Inline returns elements for the <bind/> of Bind 2 (XEP-0386), by the feature that the server
	// must offer for each. It is asked at each login where Bind 2 is used, and must return promptly.
	Inline func() map[string]stanza.Element
	// CatchUp tells at each login whether the extension will fetch what was missed from the
	// archive: it knows where it stands there. Only then is Bind 2 used, because a server throws
	// away offline messages on it (XEP-0386 §3.2). It may read the Store.
	CatchUp func(ctx context.Context) bool
	// Reconcile tells, after a session was lost for good, which of our unacknowledged messages had
	// arrived: an Arrival for each. It holds up the login for at most 30 s, until its ctx ends, and may
	// request. An error is reported, and what it leaves unknown is.
	Reconcile func(ctx context.Context, unacknowledged []*stanza.Message) ([]Arrival, error)

	// Reset runs on the router for each new session that doesn't go on with the one before: behind
	// every message of that one and ahead of the first of this one.
	Reset func()
	// Start runs for each new session before the initial presence, all extensions' at once, for at
	// most 30 s each.
	Start func(ctx context.Context, s *Session) error
	// Online runs for each new session after the initial presence.
	Online func(ctx context.Context, s *Session) error
	// Closed runs when the connection is closed for good.
	Closed func(err error)
	// Required makes an error of Start fail the login, and one of Online end the session. Else
	// both are reported.
	Required bool
}

// An Arrival is what is known of a message that was on its way when its session was lost.
type Arrival int

// The arrivals.
const (
	ArrivalUnknown Arrival = iota
	Arrived                // the server has it
	NotArrived             // it has not, for certain
)

// A step is one extension's part in the way of a message.
type step struct {
	name string
	f    func(context.Context, *stanza.Message) (*stanza.Message, error)
}

// Use attaches an extension. It panics after the first Connect, Login or Run, because what a
// connection announces doesn't change during its life, and for a second extension of the same
// name: pass on the value that the first New returned.
func (c *Connection) Use(x Extension) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attached {
		panic(fmt.Sprintf("xmpp: Use of %s after Connect: attach extensions first", x.Name))
	}
	if x.Name == "" {
		panic("xmpp: Use of an extension without a Name")
	}
	if slices.ContainsFunc(c.extensions, func(y Extension) bool { return y.Name == x.Name }) {
		panic(fmt.Sprintf("xmpp: %s is attached already: make one per connection and pass it on", x.Name))
	}
	for _, h := range x.IQ {
		c.Handle(h)
	}
	c.extensions = append(c.extensions, x)
}

var coreFeatures = []string{"urn:xmpp:ping"}

// steps are what messages go through, in this order.
type steps struct{ unwrap, decrypt, incoming, outgoing []step }

var noSteps steps

// fix ends the time of attaching. c.mu is held.
func (c *Connection) fix() {
	if c.attached {
		return
	}
	c.attached = true
	if len(c.extensions) == 0 {
		c.features = coreFeatures
		return
	}
	features, s := slices.Clone(coreFeatures), new(steps)
	for _, x := range c.extensions {
		features = append(features, x.Features...)
		s.unwrap = appendStep(s.unwrap, x.Name, x.Unwrap)
		s.decrypt = appendStep(s.decrypt, x.Name, x.Decrypt)
		s.incoming = appendStep(s.incoming, x.Name, x.Incoming)
		s.outgoing = appendStep(s.outgoing, x.Name, x.Outgoing)
	}
	for _, x := range c.extensions {
		s.outgoing = appendStep(s.outgoing, x.Name, x.Encrypt)
	}
	c.steps = s
	slices.Sort(features)
	c.features = slices.Compact(features)
}

func appendStep(all []step, name string, f func(context.Context, *stanza.Message) (*stanza.Message, error)) []step {
	if f == nil {
		return all
	}
	return append(all, step{name, f})
}

// Features yields what the connection supports, sorted: the core's features and those of the
// attached extensions.
func (c *Connection) Features() iter.Seq[string] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.attached {
		return slices.Values(c.features)
	}
	features := slices.Clone(coreFeatures)
	for _, x := range c.extensions {
		features = append(features, x.Features...)
	}
	slices.Sort(features)
	return slices.Values(slices.Compact(features))
}
