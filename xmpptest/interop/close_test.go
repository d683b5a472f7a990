package interop_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// endLimit is what Close and Shutdown may take here, on a machine that does other things too.
const endLimit = 6 * time.Second

// An ending is Close or Shutdown.
type ending func(*xmpp.Connection, context.Context) error

func closeIt(c *xmpp.Connection, _ context.Context) error      { return c.Close() }
func shutItDown(c *xmpp.Connection, ctx context.Context) error { return c.Shutdown(ctx) }

// ended looks at a connection that was ended: it says so everywhere, and does nothing any more.
func (w *world) ended(c *xmpp.Connection, how string) {
	w.Helper()
	ends(w, how, c.Done())
	require.Equal(w, xmpp.Closed, c.State(), how)
	require.ErrorIs(w, c.Err(), xmpp.ErrClosed, how)
	m := &stanza.Message{To: jid.MustParse("x@" + domain), Body: "x"}
	for name, f := range map[string]func() error{
		"Connect":  func() error { return c.Connect(w.ctx) },
		"Login":    func() error { return c.Login(w.ctx, "", "") },
		"Run":      func() error { return c.Run(w.ctx) },
		"Send":     func() error { return c.Send(w.ctx, m) },
		"TrySend":  func() error { return c.TrySend(w.ctx, m) },
		"Get":      func() error { return c.Get(w.ctx, jid.JID{}, ping{}, nil) },
		"presence": func() error { return c.PresenceManager().Set(w.ctx, &stanza.Presence{}) },
		"roster":   func() error { return c.Roster().Add(w.ctx, m.To, "x") },
	} {
		err := f()
		require.ErrorIs(w, err, xmpp.ErrClosed, "%s: %s", how, name)
		require.True(w, xmpp.SafeToRetry(err), "%s: %s", how, name)
	}
	require.NoError(w, c.Close(), "once more")
	require.NoError(w, c.Shutdown(w.ctx), "once more")
	_, open := <-c.Messages(w.ctx)
	require.False(w, open, "a channel of a closed connection")
}

// ends waits for a channel to be closed.
func ends(w *world, what string, c <-chan struct{}) {
	w.Helper()
	select {
	case <-c:
	case <-time.After(endLimit):
		require.FailNow(w, "not closed", what)
	}
}

// A stage is a state to end a connection in. reach brings it there; what it returns is to be called after the end.
type stage struct {
	name  string
	state xmpp.State
	reach func(w *world) (c *xmpp.Connection, after func())
}

var stages = []stage{
	{"new", xmpp.Disconnected, func(w *world) (*xmpp.Connection, func()) { return w.connection(w.user()), nil }},
	{"dialing", xmpp.Connecting, func(w *world) (*xmpp.Connection, func()) { return w.logsIn(w.blackHole()) }},
	{"in TLS", xmpp.Connecting, func(w *world) (*xmpp.Connection, func()) {
		p := w.proxy(w.startTLS)
		p.stallAfter(1000)
		return w.logsIn(p)
	}},
	{"connected", xmpp.Connected, func(w *world) (*xmpp.Connection, func()) {
		c := w.connection(w.user())
		require.NoError(w, c.Connect(w.ctx))
		return c, nil
	}},
	{"failed", xmpp.Disconnected, func(w *world) (*xmpp.Connection, func()) {
		user := w.user()
		c := w.connection(user)
		require.Error(w, c.Login(w.ctx, user.Local(), "wrong"))
		return c, nil
	}},
	{"online", xmpp.Online, func(w *world) (*xmpp.Connection, func()) {
		watcher := w.connection(w.user(), as("watcher"))
		presence := watcher.Roster().PresenceChanges(w.ctx)
		require.NoError(w, watcher.Login(w.ctx, "", ""))
		c := w.online(watcher.User().Bare())
		user := c.User()
		until(w, "its presence", presence, func(a xmpp.Availability) bool { return a.Address == user && a.Available })
		return c, func() {
			// The server knows at once.
			until(w, "its end", presence, func(a xmpp.Availability) bool { return a.Address == user && !a.Available })
		}
	}},
	{"asking", xmpp.Online, func(w *world) (*xmpp.Connection, func()) {
		peer := w.connection(w.user())
		never := make(chan struct{})
		arrived := make(chan struct{})
		peer.Handle(xmpp.OnGet(func(ctx context.Context, _ sum, _ *stanza.IQ) (any, error) {
			xmpp.Async(ctx)
			close(arrived)
			select {
			case <-never:
			case <-ctx.Done():
			}
			return nil, stanza.Gone
		}))
		require.NoError(w, peer.Login(w.ctx, "", ""))
		c, answer := w.online(w.user()), make(chan error, 1)
		go func() { answer <- c.Get(w.ctx, peer.User(), sum{}, nil) }()
		ends(w, "the request", arrived)
		return c, func() { require.ErrorIs(w, next(w, "the request's end", answer), xmpp.ErrClosed) }
	}},
	{"reconnecting", xmpp.Reconnecting, func(w *world) (*xmpp.Connection, func()) {
		p := w.proxy(w.startTLS)
		c := w.online(w.user(), through(p))
		p.close()
		await(w, "the loss", func() bool { return c.State() == xmpp.Reconnecting })
		accepted := p.accepted.Load()
		return c, func() { require.Equal(w, accepted, p.accepted.Load()) }
	}},
	{"dialing again", xmpp.Reconnecting, func(w *world) (*xmpp.Connection, func()) {
		p := w.proxy(w.startTLS)
		c := w.online(w.user(), through(p))
		p.stallAfter(0)
		p.cut()
		await(w, "the loss", func() bool { return c.State() == xmpp.Reconnecting })
		c.NetworkChanged()
		await(w, "the next try", func() bool { return p.accepted.Load() > 1 })
		return c, nil
	}},
	{"closed", xmpp.Closed, func(w *world) (*xmpp.Connection, func()) {
		c := w.online(w.user())
		require.NoError(w, c.Close())
		return c, nil
	}},
}

// logsIn is a connection whose Login hangs; ending it must end the Login.
func (w *world) logsIn(p *proxy) (*xmpp.Connection, func()) {
	c, result := w.connection(w.user(), through(p)), make(chan error, 1)
	go func() { result <- c.Login(w.ctx, "", "") }()
	await(w, "the dial", func() bool { return p.accepted.Load() == 1 && c.State() == xmpp.Connecting })
	return c, func() { require.ErrorIs(w, next(w, "Login", result), xmpp.ErrClosed) }
}

func closing(w *world)      { endInEachState(w, closeIt, false) }
func shuttingDown(w *world) { endInEachState(w, shutItDown, true) }

// From another goroutine, in each state.
func endInEachState(w *world, end ending, flushes bool) {
	for _, s := range stages {
		c, after := s.reach(w)
		require.Equal(w, s.state, c.State(), s.name)
		begin := time.Now()
		require.NoError(w, end(c, w.within(endLimit)), s.name)
		require.Less(w, time.Since(begin), endLimit, s.name)
		w.ended(c, s.name)
		if after != nil {
			after()
		}
	}
	w.endTogether(end)
	w.lastWords(end, flushes)
}

// endTogether ends a busy connection from many goroutines at once.
func (w *world) endTogether(end ending) {
	a, b := w.online(w.user()), w.online(w.user())
	w.unarchived(a, b)
	var busy, enders sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for a.Send(w.ctx, &stanza.Message{To: b.User(), Body: "busy"}) == nil {
			}
		})
		busy.Go(func() {
			for a.Get(w.ctx, jid.JID{}, ping{}, nil) == nil {
			}
		})
	}
	await(w, "a busy connection", func() bool { return a.Stats().Sent > 100 })
	for range 8 {
		enders.Go(func() { _ = end(a, w.within(endLimit)) })
	}
	enders.Wait()
	busy.Wait()
	w.ended(a, "together")
}

// lastWords: what was accepted before Shutdown is written; Close owes nothing but takes no longer for it.
func (w *world) lastWords(end ending, all bool) {
	const n = 500
	a, b := w.connection(w.user()), w.connection(w.user())
	bodies := make(chan string, n)
	b.ChatManager().OnMessage(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) { bodies <- m.Body })
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	w.unarchived(a, b)
	acks := make([]*xmpp.Ack, n)
	for i := range acks {
		ack, err := a.ChatManager().CreateChat(b.User()).Submit(w.ctx, fmt.Sprint("last word ", i))
		require.NoError(w, err)
		acks[i] = ack
	}
	require.NoError(w, end(a, w.within(endLimit)))
	written := 0
	for i, ack := range acks {
		ends(w, "an Ack", ack.Done())
		switch err := ack.Err(); {
		case err == nil:
			require.Equal(w, i, written, "written out of order")
			written++
		default:
			require.ErrorIs(w, err, xmpp.ErrClosed)
		}
	}
	require.True(w, !all || written == n, "%d of %d last words were written", written, n)
	for i := range written {
		require.Equal(w, fmt.Sprint("last word ", i), next(w, "a last word", bodies))
	}
}
