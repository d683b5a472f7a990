package mam

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/gosmack/xmpp/stanza"
)

// sentMost is how many messages of ours are remembered.
const sentMost = 4096

// A sentLog remembers what this account has sent, and when, as fingerprints.
type sentLog struct {
	mu    sync.Mutex // guards what follows
	seed  maphash.Seed
	at    map[uint64]time.Time
	order []uint64 // ring
	next  int
}

// key is what a copy of m has too, whoever has it.
func (l *sentLog) key(m *stanza.Message) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(m.To.Bare().String())
	_ = h.WriteByte(0)
	_, _ = h.WriteString(m.ID)
	return h.Sum64()
}

func (l *sentLog) add(m *stanza.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil {
		l.seed, l.at = maphash.MakeSeed(), make(map[uint64]time.Time)
	}
	key := l.key(m)
	if _, known := l.at[key]; !known {
		if len(l.order) < sentMost {
			l.order = append(l.order, key)
		} else {
			delete(l.at, l.order[l.next])
			l.order[l.next] = key
			l.next = (l.next + 1) % sentMost
		}
		l.at[key] = time.Now()
	}
}

// when tells when m was sent; zero: not known.
func (l *sentLog) when(m *stanza.Message) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at == nil || m.ID == "" {
		return time.Time{}
	}
	return l.at[l.key(m)]
}

func (l *sentLog) has(m *stanza.Message) bool { return !l.when(m).IsZero() }

// outgoing remembers what we send, in the sender's goroutine.
func (a *Archive) outgoing(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
	a.sent.add(m)
	return m, nil
}
