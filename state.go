package xmpp

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// State is where a connection stands in its life.
type State int

// The states. Disconnected is the first and what a failed Connect or Login leads back to; Closed
// is final.
const (
	Disconnected State = iota
	Connecting
	Connected    // the transport is secured, nobody is logged in
	Online       // a resource is bound, roster and presence are through
	Reconnecting // it was online and will be again
	Closed
)

var stateNames = [...]string{"disconnected", "connecting", "connected", "online", "reconnecting", "closed"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// A StateChange is one step of a connection's life. Online comes with Reset where the session is
// not the first one; Reconnecting and Closed come with the cause.
type StateChange struct {
	State   State
	Resumed bool  // Online: the session before goes on, nothing is to be done
	Reset   bool  // Online: a new session follows an earlier one; what was asked of the server must be asked again
	Err     error // Disconnected, Reconnecting, Closed: why
}

// State is the connection's state now.
func (c *Connection) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// OnState registers f for every change of state. Calls come one after another, in order, from a
// goroutine of the connection's own that also drives its life: f must return promptly and may not
// wait for the connection.
func (c *Connection) OnState(f func(StateChange)) (stop func()) {
	must(f != nil)
	return c.states.subscribe(f)
}

// A notifier calls its listeners one after another, in order, on a goroutine that isn't the application's.
type notifier[T any] struct {
	mu   sync.Mutex
	subs []*func(T)
}

func (n *notifier[T]) subscribe(f func(T)) (stop func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subs = append(slices.Clip(n.subs), &f)
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.subs = slices.DeleteFunc(slices.Clone(n.subs), func(g *func(T)) bool { return g == &f })
	}
}

func (n *notifier[T]) emit(life *sequence, v T, guard func(func())) {
	n.mu.Lock()
	heard := len(n.subs) > 0
	n.mu.Unlock()
	if !heard {
		return
	}
	life.add(func() {
		n.mu.Lock()
		subs := n.subs
		n.mu.Unlock()
		for _, f := range subs {
			guard(func() { (*f)(v) })
		}
	})
}

// States is OnState as a channel: an unread change is replaced by a newer one. It is closed when
// ctx ends and, after the Closed change was taken or ctx ended, with the connection.
func (c *Connection) States(ctx context.Context) <-chan StateChange {
	out := make(chan StateChange)
	newest := make(chan StateChange, 1)
	stop := c.states.subscribe(func(s StateChange) {
		select {
		case <-newest: // only this callback fills it
		default:
		}
		newest <- s
	})
	if c.State() == Closed { // since before we listened, perhaps
		stop()
		close(out)
		return out
	}
	go func() {
		defer close(out)
		defer stop()
		for {
			var s StateChange
			select {
			case s = <-newest:
			case <-ctx.Done():
				return
			}
			select {
			case out <- s:
			case <-ctx.Done():
				return
			}
			if s.State == Closed {
				return
			}
		}
	}()
	return out
}

// setState records and announces a change. c.mu is held; announcements keep the order of the
// changes.
func (c *Connection) setState(s StateChange) {
	if c.state == s.State || c.state == Closed {
		return
	}
	c.state = s.State
	if c.log.Enabled(context.Background(), slog.LevelDebug) {
		c.life.add(func() { c.log.Debug("state", "state", s.State.String(), "error", s.Err) })
	}
	c.states.emit(c.life, s, c.guard)
}
