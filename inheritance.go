package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
)

// An inheritance is what an earlier process left of an account.
type inheritance struct {
	c        *Connection
	a        account
	state    *sm.State // nil: none
	messages []stream.Entry
	segments map[uint64]*segment // of the messages, by place

	managed  bool // the session may be resumed
	user     jid.JID
	box      stream.Kept
	remnants []remnant
}

func (i *inheritance) read(ctx context.Context) error {
	data, err := i.c.storeOf(i.a).Get(ctx, sessionKey(i.a))
	if err == nil && len(data) > 0 {
		i.state = new(sm.State)
		err = i.state.UnmarshalBinary(data)
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrStoreDamaged, err)
		}
	}
	if errors.Is(err, ErrStoreDamaged) {
		i.c.report(fmt.Errorf("the suspended session: %w", err))
		i.state, err = nil, nil
	}
	if err != nil {
		return err
	}
	var bad error
	i.messages, i.segments, bad, err = readJournal(ctx, i.c.storeOf(i.a), i.a)
	if bad != nil {
		i.c.report(fmt.Errorf("stored messages: %w", bad))
	}
	return err
}

// maxGap bounds the places without a message that are believed to have had numbers.
const maxGap = 1 << 20

// sort puts each stanza where it belongs: with a session that may be resumed, with those that somebody has to decide about, or with those that wait.
func (i *inheritance) sort() {
	journal := make(map[uint64]stream.Entry)
	for _, e := range i.messages {
		journal[e.Place] = e
		i.box.Place = max(i.box.Place, e.Place)
	}
	listed := make(map[uint64]bool)
	var written uint64
	if i.check() {
		for _, saved := range i.state.Queue {
			r, e, err := unmeta(saved)
			if err != nil {
				i.c.report(fmt.Errorf("a stanza of the suspended session: %w", err))
				continue
			}
			i.box.Place = max(i.box.Place, e.Place)
			if r == isMark || r == isEnd {
				written, i.box.Loose = e.Place, r == isMark
				continue
			}
			if e.Keep {
				listed[e.Place] = true
				if e.Data == nil {
					e = restored(e, journal)
				}
			}
			i.put(r, e)
		}
	}
	for _, e := range i.messages {
		switch {
		case listed[e.Place] || e.Place <= written: // or it has ended
		case i.managed && i.box.Loose && e.Place-written <= maxGap:
			for ; written+1 < e.Place; written++ {
				i.put(isFlying, stream.Entry{}) // has ended, and had its number
			}
			i.put(isFlying, e)
			written = e.Place
		default:
			i.put(isDoubtful, e)
		}
	}
}

// restored is what the journal has of a message that was saved without its bytes; without them it has ended.
func restored(e stream.Entry, journal map[uint64]stream.Entry) stream.Entry {
	full, ok := journal[e.Place]
	if !ok {
		e.Keep = false
		return e
	}
	if e.Delayed && !full.Delayed {
		return (&remnant{Entry: full}).delayed()
	}
	return full
}

// check tells whether the saved queue may be used, and whether the session may be resumed. Of a session of another account or domain nothing is sent.
func (i *inheritance) check() bool {
	s := i.state
	if s == nil {
		return false
	}
	now, whole := time.Now(), xmlstream.ValidText(s.ID) < 0 // an id that can't be written would fail each login
	for _, saved := range s.Queue {
		r, _, err := unmeta(saved)
		if err == nil && r == isMark {
			now = s.Cut // it was stored while the session ran on: only the server knows how old it is
		}
		whole = whole && err == nil // else the numbers of what follows are wrong
	}
	user, bad := jid.Parse(s.Address)
	err := s.Check(i.a.address.String(), i.c.cfg.Domain, now, max(s.Max, i.c.resendWindow()))
	if !errors.Is(err, sm.ErrForeign) {
		i.user, i.managed = user, err == nil && bad == nil && whole && !i.c.cfg.DisableStreamManagement
		i.box.Acked = s.Acked
		return true
	}
	for _, saved := range s.Queue {
		if _, e, bad := unmeta(saved); bad == nil && e.Keep && e.Data != nil {
			i.c.inheritedEntry(e.Data).Failed(&unsentError{err})
		}
	}
	return false
}

func (i *inheritance) put(r role, e stream.Entry) {
	if e.Keep {
		e.Done = i.c.inheritedEntry(e.Data)
	}
	switch {
	case r == isFlying && i.managed:
		i.box.Flying = append(i.box.Flying, e)
	case !e.Keep:
	case r == isWaiting:
		i.box.Waiting = append(i.box.Waiting, e)
	default:
		i.remnants = append(i.remnants, remnant{Entry: e, certain: r == isCertain})
	}
}

// own makes the messages this connection's journal's. Those that no journal has get a segment first.
func (i *inheritance) own(ctx context.Context) error {
	j := newJournal(i.c, i.a)
	var homeless *segment
	own := func(e *stream.Entry) {
		if !e.Keep {
			return
		}
		s := i.segments[e.Place]
		if s == nil {
			if homeless == nil {
				homeless = j.newSegment(e.Place)
			}
			s = homeless
			s.add(e)
		}
		m := &journaled{Completion: e.Done, journal: j, segment: s}
		m.open.Store(true)
		s.left++
		j.count++
		e.Done = m
	}
	for n := range i.remnants {
		own(&i.remnants[n].Entry)
	}
	for n := range i.box.Flying {
		own(&i.box.Flying[n])
	}
	for n := range i.box.Waiting {
		own(&i.box.Waiting[n])
	}
	if homeless != nil {
		if err := j.put(homeless); err != nil {
			return err
		}
		homeless.stored, homeless.state = true, sm.State{}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := make(map[*segment]bool)
	for _, s := range i.segments {
		if s.left == 0 && !seen[s] {
			j.remove(s)
		}
		seen[s] = true
	}
	i.c.journal.Store(j)
	return nil
}

// keys are what is in the store.
func (i *inheritance) keys() (all []string) {
	if i.state != nil {
		all = append(all, sessionKey(i.a))
	}
	seen := make(map[string]bool)
	for _, s := range i.segments {
		if !seen[s.key] {
			all = append(all, s.key)
		}
		seen[s.key] = true
	}
	return all
}
