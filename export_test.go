package xmpp

import "github.com/gosmack/xmpp/sasl"

// SetKeys replaces the cache of derived keys.
func (c *Connection) SetKeys(k sasl.KeyCache) { c.keys = k }
