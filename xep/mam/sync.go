package mam

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

const (
	firstPause = 5 * time.Second // before an archive that failed is asked again; doubled each time
	mostPause  = 5 * time.Minute
	clockSkew  = time.Hour      // how far our clock and the server's may differ
	longAgo    = 24 * time.Hour // before what was handled: no clock explains it
)

// A catchUp hands over what our archive has and nobody here has seen.
type catchUp struct {
	a       *Archive
	keeper  keeper
	voucher voucher
	turn    chan struct{} // taken by who delivers

	mu        sync.Mutex // guards what follows; never held while anything waits but keeper.mu
	phase     phase
	epoch     int  // sessions that were not resumed
	checked   bool // in this one the server has announced that ids can be believed
	ledger    ledger
	held      []waiting // live ones that wait for older ones, in order
	heldBytes int
	patience  *time.Timer // how long they wait; nil: none does
	loose     string      // the last that didn't wait, or ""
	releasing bool        // the archive was read, and they are handed over
	run       *run        // nil: none
}

// A run is one try, or several, to reach the end of the archive in one session. It has a goroutine
// of its own, which ends when it has done so, or with the connection.
type run struct {
	epoch  int
	cancel context.CancelFunc
	done   chan struct{}
}

func newCatchUp(a *Archive) *catchUp {
	s := &catchUp{a: a, turn: make(chan struct{}, 1), ledger: newLedger()}
	s.keeper.s, s.voucher.s = s, s
	return s
}

// known tells whether it is known from where to go on, and that the archive could be relied on when
// it was checked last.
func (s *catchUp) known(ctx context.Context) bool {
	_, has, err := s.keeper.get(ctx)
	s.a.conn.Report(err)
	return has && s.voucher.valid(ctx)
}

// start begins a session, which has to check the archive anew.
func (s *catchUp) start(ctx context.Context, session *xmpp.Session) error {
	if session.Resumed {
		return nil
	}
	return s.voucher.spend(ctx)
}

// reset stands between two sessions, on the router: from now on something may be missing.
func (s *catchUp) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.phase, s.releasing, s.checked = holding, false, false
}

// online begins to catch up in a session, or goes on.
func (s *catchUp) online(ctx context.Context, _ *xmpp.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.run
	if s.phase == live || s.phase == off {
		return nil // a resumed session, in which nothing is missing
	}
	// Not the context of this call: it ends after 30 s, and reading an archive may take longer. A run
	// whose session is lost fails with its next request, and the next session starts another.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &run{epoch: s.epoch, cancel: cancel, done: make(chan struct{})}
	s.run = r
	if old != nil {
		old.cancel()
	}
	go s.work(ctx, r, old)
	return nil
}

func (s *catchUp) closed(error) {
	s.mu.Lock()
	r := s.run
	if s.patience != nil {
		s.patience.Stop()
	}
	s.mu.Unlock()
	if r != nil {
		r.cancel()
	}
	s.keeper.end()
}

// work tries until the end of the archive is reached.
func (s *catchUp) work(ctx context.Context, r, old *run) {
	defer close(r.done)
	defer r.cancel()
	if old != nil {
		<-old.done
	}
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		err := s.read(ctx, r)
		switch {
		case err == nil:
			s.release(ctx, r, live)
			return
		case ctx.Err() != nil || errors.Is(err, xmpp.ErrClosed):
			return
		case s.a.conn.State() == xmpp.Online:
			s.a.conn.Report(fmt.Errorf("mam: catching up: %w", err))
		}
		if hopeless(err) {
			s.a.conn.Report(s.voucher.spend(ctx))
			s.release(ctx, r, off)
			return
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// release hands over what has waited for the archive, and what comes meanwhile, until nothing waits
// any more. Then live messages pass.
func (s *catchUp) release(ctx context.Context, r *run, then phase) {
	for more := true; more; {
		err := s.inTurn(ctx.Done(), func() error {
			m := s.next(r, then)
			if more = m != nil; !more {
				return nil
			}
			return s.a.conn.Deliver(ctx, m)
		})
		more = more && err == nil
	}
}

// next takes the next message that waits. nil: there is none, and the run has ended.
func (s *catchUp) next(r *run, then phase) *stanza.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != r.epoch {
		return nil // there is a new session, and something may be missing again
	}
	if !s.releasing {
		s.releasing = true
		s.settle(then) // what didn't wait is older than what still does
	}
	if w := s.pop(); w.m != nil {
		if then == live {
			s.ledger.set(w.id, entry{print: w.print, seq: s.ledger.step()})
		}
		return w.m
	}
	s.settle(then)
	s.phase, s.releasing, s.run = then, false, nil
	return nil
}

// settle gives what didn't wait its place, or forgets it where ids tell nothing. s.mu is held.
func (s *catchUp) settle(then phase) {
	if then == off {
		s.disbelieve()
	} else {
		s.tighten()
	}
}

// tighten gives the last message that didn't wait its place behind all others: those from the
// archive have theirs by now. s.mu is held.
func (s *catchUp) tighten() {
	id := s.loose
	s.loose = ""
	e, ok := s.ledger.find(id)
	if !ok || e.seq > 0 {
		return
	}
	e.seq = s.ledger.step()
	s.ledger.set(id, e)
	if e.handled {
		s.keeper.move(position{Place{id, time.Now()}, e.seq})
	}
}
