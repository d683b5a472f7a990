package mam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/delay"
)

const (
	saveAfter = time.Second     // positions of so long are stored as one
	saveLimit = 5 * time.Second // for the store
)

// A position is how far our archive was handled: up to and including one message. An empty id is
// the archive's beginning.
type position struct {
	Place
	seq uint64 // in the order in which the places were passed; never stored
}

// A keeper holds the position and writes it to the store, some of the time: a busy stream would
// keep a disk busy.
type keeper struct {
	s *catchUp

	saving sync.Mutex // one at a time; held while the store works

	mu    sync.Mutex // guards what follows
	read  bool       // the store was asked
	has   bool
	at    position
	due   *time.Timer // a save is due
	ended bool        // the connection is closed
}

// move goes forward to a place; a place behind is passed already.
func (k *keeper) move(to position) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.has && to.seq <= k.at.seq {
		return
	}
	to.ID = strings.Clone(to.ID) // it outlives its stanza
	k.read, k.has, k.at = true, true, to
	if k.due == nil && !k.ended {
		k.due = time.AfterFunc(saveAfter, k.save)
	}
}

func (k *keeper) key() string { return k.s.a.conn.User().Bare().String() + "/mam/position" }

// get returns the position, from the store where nothing newer is known. has is false where there
// is none: nothing was ever handled, or what was stored can't be read, which is reported: then a new
// one is stored in its place.
func (k *keeper) get(ctx context.Context) (at position, has bool, err error) {
	k.mu.Lock()
	if k.read {
		defer k.mu.Unlock()
		return k.at, k.has, nil
	}
	k.mu.Unlock()
	data, err := k.s.a.conn.Store().Get(ctx, k.key())
	damaged := errors.Is(err, xmpp.ErrStoreDamaged)
	if err != nil && !damaged {
		return at, false, fmt.Errorf("mam: store: %w", err)
	}
	at, has = parsePosition(string(data))
	if damaged || data != nil && !has {
		k.s.a.conn.Report(fmt.Errorf("mam: the position in the archive is begun anew: %w", cmp.Or(err, errGarbled)))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.read {
		k.read, k.at, k.has = true, at, has
	}
	return k.at, k.has, nil
}

var errGarbled = errors.New("what is stored is none")

// save writes the position as it is now.
func (k *keeper) save() {
	k.saving.Lock()
	defer k.saving.Unlock()
	k.mu.Lock()
	if k.due == nil {
		k.mu.Unlock()
		return
	}
	k.due.Stop()
	k.due = nil
	at := k.at
	k.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(context.Background(), saveLimit, errors.New("the store took too long"))
	defer cancel()
	if err := k.s.a.conn.Store().Put(ctx, k.key(), []byte(at.text())); err != nil {
		k.s.a.conn.Report(fmt.Errorf("mam: store: %w", err))
	}
}

// end saves for the last time.
func (k *keeper) end() {
	k.mu.Lock()
	k.ended = true
	k.mu.Unlock()
	k.save()
}

// text is the position as it is stored: the time, then the id, which may hold anything.
func (p position) text() string { return delay.FormatDateTime(p.Time) + " " + p.ID }

func parsePosition(s string) (p position, ok bool) {
	at, id, ok := strings.Cut(s, " ")
	if !ok {
		return p, false
	}
	var err error
	p.Time, err = delay.ParseDateTime(at)
	p.ID = id
	return p, err == nil
}
