package xmpp

import (
	"crypto/tls"
	"sync"
	"time"
)

// A TLS session saves a round trip, and the server the proof that it still has its key. So it is resumed for a day, where the
// server's word would be good for a week (RFC 8446 §4.6.1), and a stolen one is worth no more.
const ticketAge = 24 * time.Hour

// A ticket is where the TLS session with the one server that a connection has to do with waits for the next handshake. The zero
// ticket is ready, and safe for concurrent use.
type ticket struct {
	mu      sync.Mutex
	clock   func() time.Time // nil: time.Now
	key     string
	session *tls.ClientSessionState // nil: there is none
	at      time.Time
}

// now is the time. t.mu is held.
func (t *ticket) now() time.Time {
	if t.clock == nil {
		return time.Now()
	}
	return t.clock()
}

// Get implements [tls.ClientSessionCache].
func (t *ticket) Get(key string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.key != key || t.session == nil {
		return nil, false
	}
	if t.now().Sub(t.at) > ticketAge {
		t.session = nil
		return nil, false
	}
	return t.session, true
}

// Put implements [tls.ClientSessionCache]; nil takes a session away.
func (t *ticket) Put(key string, session *tls.ClientSessionState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if session != nil || t.key == key {
		t.key, t.session, t.at = key, session, t.now()
	}
}
