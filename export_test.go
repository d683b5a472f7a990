package xmpp

import (
	"crypto/tls"
	"time"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// SetKeys replaces the cache of derived keys.
func (c *Connection) SetKeys(k sasl.KeyCache) { c.keys = k }

// OpenFileStore is NewFileStore whose every step is taken only where step returns nil.
func OpenFileStore(dir string, step func(op, path string) error) (*FileStore, error) {
	return openFileStore(dir, step)
}

// FileName is the name of a key's file in a FileStore, and KeyOf what it tells of the key.
func FileName(key string) string                        { return fileName(key) }
func KeyOf(name string) (key string, whole, known bool) { return keyOf(name) }

// EncodeRecord makes the file of a key's value in a FileStore, DecodeRecord reads it, and KeyInRecord is what the file says that its key is.
func EncodeRecord(key string, value []byte) []byte         { return encodeRecord(key, value) }
func DecodeRecord(key string, data []byte) ([]byte, error) { return decodeRecord(key, data) }
func KeyInRecord(data []byte) (string, []byte)             { return cutKey(data) }

// HostPort reads a location (XEP-0198 §5) or the host of a see-other-host.
func HostPort(s string, port uint16) (string, uint16, bool) { return hostPort(s, port) }

// An Effective is what a connection makes of its configuration.
type Effective struct{ c *Connection }

// EffectiveOf is that of a connection.
func EffectiveOf(c *Connection) Effective { return Effective{c} }

// Configuration is the connection's copy, with its defaults.
func (e Effective) Configuration() ConnectionConfiguration { return e.c.cfg }
func (e Effective) TLS(direct bool) (*tls.Config, error)   { return e.c.cfg.tlsConfig(direct) }
func (e Effective) Endpoint() discover.Endpoint            { return e.c.cfg.endpoint() }
func (e Effective) Limits() xmlstream.Limits               { return e.c.cfg.Limits.internal() }
func (e Effective) ResendWindow() time.Duration            { return e.c.resendWindow() }

// Dialer and Resolver are what it connects with.
func (e Effective) Dialer() Dialer     { d, _ := newCandidates(&e.c.cfg).network(); return d }
func (e Effective) Resolver() Resolver { _, r := newCandidates(&e.c.cfg).network(); return r }

// NewTicket is for TestTicket.
func NewTicket(clock func() time.Time) tls.ClientSessionCache { return &ticket{clock: clock} }

// TicketAge is how long a TLS session is resumed.
const TicketAge = ticketAge

// Track is what the router does with a presence, Know puts an address on the contact list, and Counted is what presence counts for.
func (r *Roster) Track(p *stanza.Presence) { r.track(p, false) }
func (r *Roster) Know(bare jid.JID) {
	if r.contacts == nil {
		r.contacts = make(map[jid.JID]Contact)
	}
	r.contacts[bare] = Contact{JID: bare}
}
func (r *Roster) Counted() int { return r.strangers.bytes + r.strangers.known }
