package sm

import (
	"errors"
	"fmt"
	"time"
)

// DefaultAge is how old a session may be whose server did not say how long it keeps one.
const DefaultAge = time.Hour

var (
	// ErrForeign says that a session is another account's, or of another domain.
	ErrForeign = errors.New("stream management: the session is another account's")
	// ErrExpired says that a session is too old for anything of it to be sent again.
	ErrExpired = errors.New("stream management: the session is too old")
	// ErrNoResume says that the server never allowed the session to be resumed.
	ErrNoResume = errors.New("stream management: the session can't be resumed")
)

// State is a session that is kept to be resumed, in memory or in a store, by this process or a
// later one. What was received and not handled isn't part of it: the server sends it again.
type State struct {
	Account  string        // the bare address that logged in
	Domain   string        // the domain the server proved to be
	Address  string        // the full address that is bound
	ID       string        // from <enabled/>
	Location string        // likewise
	Max      time.Duration // likewise; 0: not said; whole seconds
	Cut      time.Time     // when the stream ended or, while it runs, when this was kept; milliseconds
	Acked    uint64        // stanzas acknowledged by the server: Out.Acked
	Handled  uint32        // stanzas handled by us: In.H
	Queue    []Entry       // sent and not acknowledged, in order: the first one has the number Acked+1
}

// An Entry is one stanza of the queue.
type Entry struct {
	Data []byte // as it was written, so that it is sent again byte for byte
	Meta []byte // the caller's own
}

// Check tells whether the session may be taken up at now, by account on a stream that is verified to be
// domain's: [ErrForeign], [ErrExpired], [ErrNoResume] or nil. After the first two nothing of the
// queue may be sent at all; which of several there are is told in this order. window is how old
// it may be; 0: as long as the server said to keep it, else [DefaultAge].
func (s *State) Check(account, domain string, now time.Time, window time.Duration) error {
	if s.Account != account || s.Domain != domain {
		return ErrForeign
	}
	limit := window
	if limit <= 0 {
		limit = s.Max
	}
	if limit <= 0 {
		limit = DefaultAge
	}
	// By the wall clock: a monotonic one stands still while a machine sleeps, and means nothing to
	// another process. A Cut far in the future is as little worth as one far in the past.
	if age := now.Round(0).Sub(s.Cut.Round(0)); age > limit || age < -limit {
		return ErrExpired
	}
	if s.ID == "" {
		return ErrNoResume
	}
	return nil
}

// String tells what a log may know. The id is a secret and the queue is private.
func (s State) String() string {
	return fmt.Sprintf("session of %s, cut at %s, %d stanzas unacknowledged", s.Address, s.Cut.UTC().Format(time.RFC3339), len(s.Queue))
}

// GoString is String.
func (s State) GoString() string { return s.String() }
