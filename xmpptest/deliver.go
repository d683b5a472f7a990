package xmpptest

import (
	"fmt"
	"net"
	"slices"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// Send writes raw XML to the client in the middle of its stream: a forged
// roster push, half an element, anything. Interceptors do not see it. Whole
// stanzas in it count for stream management.
func (c *Conn) Send(raw string) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.sendRaw(raw)
}

// deliver sends one stanza to a bound client. The caller holds the server's lock.
func (c *Conn) deliver(data []byte) {
	if len(data) > 0 && !c.hold(data) {
		c.hand(data, true, true)
	}
}

// hand sends raw XML, past what CSI holds: a stanza, which counts for stream
// management, or something else; interceptors see it or not.
func (c *Conn) hand(data []byte, counts, seen bool) {
	m := c.managed
	if m == nil || !counts {
		c.push(outgoing{data: data, stanza: seen})
		return
	}
	e := m.add(data, c.server.settings.Load().UnackedLimit)
	if m.timer == nil {
		c.push(outgoing{data: data, stanza: seen, entry: e})
	}
}

// push adds to the outbox and cuts a client that lets too much wait.
func (c *Conn) push(item outgoing) {
	if !c.out.add(item) {
		c.server.log.Debug("too much waits for a client that does not read")
		c.Cut()
	}
}

// flush sends and returns when it was written, or the connection is gone.
func (c *Conn) flush(raw string) error {
	written := make(chan struct{})
	c.push(outgoing{data: []byte(raw), written: written})
	select {
	case <-written:
		return nil
	case <-c.gone:
		return fmt.Errorf("xmpptest: write: %w", net.ErrClosed)
	}
}

// sendRaw sends raw XML. Under stream management whole stanzas in it count,
// because the client counts them. The caller holds the server's lock.
func (c *Conn) sendRaw(raw string) {
	var stream xmlstream.Element
	if c.managed != nil {
		stream, _ = xmlstream.Parse("<s xmlns='"+nsClient+"' xmlns:stream='"+nsStream+"'>"+raw+"</s>", xmlstream.Limits{StanzaBytes: len(raw) + 256})
	}
	if stream.IsZero() {
		c.push(outgoing{data: []byte(raw)})
		return
	}
	children := slices.Collect(stream.Children())
	for _, e := range children {
		data := []byte(raw)
		if len(children) > 1 {
			data = e.Append(nil, nsClient)
		}
		c.hand(data, e.Space() == nsClient, false)
	}
}
