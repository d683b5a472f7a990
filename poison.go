package xmpp

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/stanza"
)

// ours are the stream errors that may be a stanza of ours to blame for (RFC 6120 §4.9.3).
var ours = []stanza.StreamCondition{
	stanza.StreamPolicyViolation, stanza.StreamInvalidXML, stanza.StreamNotWellFormed, stanza.StreamInvalidNamespace, stanza.StreamBadFormat,
	stanza.StreamBadNamespacePrefix, stanza.StreamRestrictedXML, stanza.StreamUnsupportedStanzaType, stanza.StreamImproperAddressing,
	stanza.StreamInvalidFrom,
}

// poison tells which stanza the server has ended two streams for; 0: none. After the first end all that were under way are suspects, and the
// outbox sends each alone, so that the second time the one that stands first is the one.
func (c *Connection) poison(err error) uint64 {
	var ended *stanza.StreamError
	if !errors.As(err, &ended) || !slices.Contains(ours, ended.Condition) {
		c.mu.Lock()
		c.suspect = 0
		c.mu.Unlock()
		return 0
	}
	first := c.outbox.Blame()
	c.mu.Lock()
	defer c.mu.Unlock()
	if first == 0 || first != c.suspect {
		c.suspect = first
		return 0
	}
	return first
}

// reject ends the stanza that no server stream survives; what stood behind it goes on.
func (c *Connection) reject(poison uint64, why error) {
	if poison == 0 {
		return
	}
	c.mu.Lock()
	i := slices.IndexFunc(c.remnants, func(r remnant) bool { return r.Serial == poison })
	var r remnant
	if i >= 0 {
		r = c.remnants[i]
		c.remnants = slices.Delete(c.remnants, i, i+1)
	}
	c.mu.Unlock()
	if r.Done != nil {
		r.Fail(fmt.Errorf("%w: %w", ErrRejected, why))
	}
}

// expire ends messages that have waited for too long.
func (c *Connection) expire() {
	limit := c.cfg.Expiry
	if limit <= 0 {
		return
	}
	for _, e := range c.outbox.Expire(func(e *stream.Entry) bool { return e.Keep && time.Since(e.At) > limit }) {
		if e.Done != nil {
			r := remnant{Entry: e, certain: !e.Maybe}
			r.fail(ErrExpired)
		}
	}
}
