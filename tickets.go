package xmpp

import (
	"crypto/tls"
	"sync"
	"time"
)

// A TLS session saves a round trip, and the server the proof that it still has its key. So it is resumed for a day, where the
// server's word would be good for a week (RFC 8446 §4.6.1), and a stolen one is worth no more.
const (
	ticketAge  = 24 * time.Hour
	ticketsMax = 8
)

// tickets is where TLS sessions wait for the next handshake. Safe for concurrent use.
type tickets struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[string]ticket
}

type ticket struct {
	session *tls.ClientSessionState
	at      time.Time
}

func newTickets(now func() time.Time) *tickets {
	if now == nil {
		now = time.Now
	}
	return &tickets{now: now, kept: make(map[string]ticket)}
}

// Get implements [tls.ClientSessionCache].
func (t *tickets) Get(key string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.kept[key]
	if ok && t.now().Sub(k.at) > ticketAge {
		delete(t.kept, key)
		return nil, false
	}
	return k.session, ok
}

// Put implements [tls.ClientSessionCache]; nil takes a session away.
func (t *tickets) Put(key string, session *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.kept, key)
	if session == nil {
		return
	}
	if len(t.kept) == ticketsMax {
		oldest := ""
		for k, v := range t.kept {
			if oldest == "" || v.at.Before(t.kept[oldest].at) {
				oldest = k
			}
		}
		delete(t.kept, oldest)
	}
	t.kept[key] = ticket{session, t.now()}
}
