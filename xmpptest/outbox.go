package xmpptest

import "sync"

// outgoing is something to write.
type outgoing struct {
	data    []byte
	stanza  bool          // interceptors and Faults.Duplicate and Reorder see it
	entry   *entry        // under stream management; data is its own
	last    bool          // the stream ends after it
	written chan struct{} // closed when it was written; nil if nobody waits
}

// outbox is what waits for the writer. Adding never waits: routing happens
// under the server's lock, and a client that does not read may not hold up
// the others. What waits is bounded by Options.QueueLimit instead.
type outbox struct {
	mu     sync.Mutex
	queue  []outgoing
	bytes  int
	limit  int
	closed bool          // the last item was added
	wake   chan struct{} // holds one token while queue is not empty
}

func newOutbox(limit int) *outbox {
	return &outbox{limit: limit, wake: make(chan struct{}, 1)}
}

// add takes an item and says whether the limit still holds. What comes after
// the last item is dropped, and so is written.
func (o *outbox) add(item outgoing) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		if item.written != nil {
			close(item.written)
		}
		return true
	}
	o.closed = item.last
	o.queue = append(o.queue, item)
	o.bytes += len(item.data)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return o.bytes <= o.limit
}

// take returns all that waits.
func (o *outbox) take() []outgoing {
	o.mu.Lock()
	defer o.mu.Unlock()
	queue := o.queue
	o.queue, o.bytes = nil, 0
	return queue
}

// ending says whether the last item was added.
func (o *outbox) ending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// batch is how many bytes the writer joins into one write.
const batch = 16 << 10

// write is the connection's writing goroutine, the only one that writes to it
// apart from the TLS handshake, during which this one has nothing to do.
func (c *Conn) write() {
	var buf []byte
	for {
		select {
		case <-c.out.wake:
		case <-c.gone:
			return
		}
		items := c.out.take()
		for i, item := range items {
			buf = c.render(buf, item)
			if len(buf) < batch && item.written == nil && !item.last && i < len(items)-1 {
				continue
			}
			if len(buf) > 0 {
				if _, err := c.high.Write(buf); err != nil {
					c.Cut()
					return
				}
			}
			if buf = buf[:0]; cap(buf) > 2*batch {
				buf = nil
			}
			if item.written != nil {
				close(item.written)
			}
			if item.last {
				c.closeWrite()
				return
			}
		}
		buf = nil // an idle connection holds no buffer
	}
}

// render appends what becomes of an item under the interceptors and the
// faults that are about stanzas.
func (c *Conn) render(buf []byte, item outgoing) []byte {
	list := [][]byte{item.data}
	if item.stanza {
		list = c.server.intercepted(c, item.data)
	}
	switch {
	case item.entry != nil:
		return item.entry.session.write(c, buf, item, list)
	case !item.stanza:
		return append(buf, item.data...)
	}
	for _, data := range list {
		c.arrange(data, func(data []byte) { buf = append(buf, data...) })
	}
	return buf
}

// arrange duplicates and reorders, and emits what is to be sent now.
func (c *Conn) arrange(data []byte, emit func([]byte)) {
	c.high.mu.Lock()
	defer c.high.mu.Unlock()
	h := c.high
	h.stanzas++
	if h.faults.Reorder > 0 && h.stanzas == h.faults.Reorder {
		h.held = data
		return
	}
	emit(data)
	if h.faults.Duplicate > 0 && h.stanzas == h.faults.Duplicate {
		emit(data)
	}
	if h.held != nil {
		emit(h.held)
		h.held = nil
	}
}
