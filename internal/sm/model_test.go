package sm_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
)

// What travels. A wire is two queues; a cut loses what is still in them.
type (
	msg struct {
		n       int
		id      string
		flagged bool // sent again though it may have arrived
		delay   bool // routed again by the server
	}
	enable  struct{}
	request struct{}
	ack     struct{ h uint32 }
)

// server is an independent and plain XEP-0198 server.
type server struct {
	t         testing.TB
	up        bool // there is a connection
	attached  bool // cur is on it
	down      []any
	sessions  map[string]*session
	cur       *session
	ids       int
	got       []msg
	offline   []msg
	nextID    int
	last      map[string]uint32 // h of forgotten sessions
	tellH     bool              // in <failed/>
	downTotal int
}

type session struct {
	id    string
	in    uint32
	out   uint32
	queue []msg // out-len(queue) are acknowledged
}

// push writes to the session's stream, if it has one.
func (s *server) push(e any) {
	if s.attached {
		s.down = append(s.down, e)
	}
}

func (s *server) route(m msg) {
	if s.cur == nil {
		s.offline = append(s.offline, m)
		return
	}
	s.cur.out++
	s.cur.queue = append(s.cur.queue, m)
	s.push(m)
}

// send makes a new message for the client. Ids repeat, as those of bad senders do.
func (s *server) send() {
	s.downTotal++
	s.route(msg{n: s.downTotal, id: fmt.Sprint("s", s.downTotal%3)})
}

func (s *server) ack(h uint32) {
	d := h - (s.cur.out - uint32(len(s.cur.queue)))
	if uint64(d) > uint64(len(s.cur.queue)) {
		s.t.Fatalf("the client acknowledges %d of %d sent, %d not acknowledged", h, s.cur.out, len(s.cur.queue))
	}
	s.cur.queue = s.cur.queue[d:]
}

// forget ends the session as a time limit or a restart does: what wasn't acknowledged is
// routed anew.
func (s *server) forget() {
	if s.cur == nil {
		return
	}
	old := s.cur
	s.cur = nil
	delete(s.sessions, old.id)
	s.last[old.id] = old.in
	var again []msg
	for _, m := range old.queue {
		m.delay = true
		again = append(again, m)
	}
	s.offline = append(again, s.offline...)
}

func (s *server) receive(e any) {
	switch e := e.(type) {
	case enable:
		s.forget()
		s.ids++
		s.cur, s.attached = &session{id: fmt.Sprint("id", s.ids)}, true
		s.sessions[s.cur.id] = s.cur
		s.push(sm.Enabled{ID: s.cur.id})
		waiting := s.offline
		s.offline = nil
		for _, m := range waiting {
			s.route(m)
		}
	case sm.Resume:
		if x := s.sessions[e.PrevID]; x != nil {
			s.cur, s.attached = x, true
			s.ack(e.H)
			s.push(sm.Resumed{PrevID: x.id, H: x.in})
			for _, m := range x.queue {
				m.delay = true
				s.push(m)
			}
			return
		}
		h, known := s.last[e.PrevID]
		s.down = append(s.down, sm.Failed{H: h, Known: known && s.tellH})
	case msg:
		s.cur.in++
		s.got = append(s.got, e)
	case request:
		s.push(ack{s.cur.in})
	case ack:
		s.ack(e.h)
	}
}

// client wires Out and In as a connection does.
type client struct {
	t        testing.TB
	s        *server
	now      time.Time
	up       []any
	online   bool // resumed or enabled was seen
	out      sm.Out[msg]
	in       sm.In
	id       string
	outbox   []msg // waits for a session
	sent     int
	acked    []int
	held     []heldMsg
	received []int           // in order, each once
	finished map[int]int     // handled how often
	seen     map[string]bool // what a new session may bring again
	early    map[int]bool    // finished before an older one
}

type heldMsg struct {
	seq   sm.Seq
	twins []sm.Seq // of the same stanza in later sessions
	m     msg
}

func newPair(t testing.TB, start uint32) *client {
	s := &server{t: t, sessions: map[string]*session{}, last: map[string]uint32{}}
	c := &client{t: t, s: s, now: time.Unix(1e9, 0), finished: map[int]int{}, seen: map[string]bool{}, early: map[int]bool{}}
	if start != 0 {
		s.sessions["preset"] = &session{id: "preset", in: start, out: start}
		s.cur = s.sessions["preset"]
		c.id = "preset"
		c.out.Restore(uint64(start), func(func(msg, int) bool) {})
		c.in.Restore(start)
	}
	return c
}

func (c *client) write(e any) {
	if c.s.up {
		c.up = append(c.up, e)
	}
}

func (c *client) writeMsg(m msg) {
	if c.out.Sent(m, 100, c.now) {
		c.write(m)
	}
}

func (c *client) flush() {
	for len(c.outbox) > 0 && c.online && !c.out.Full(0) {
		m := c.outbox[0]
		c.outbox = c.outbox[1:]
		c.writeMsg(m)
	}
}

func (c *client) send() {
	c.sent++
	c.outbox = append(c.outbox, msg{n: c.sent, id: fmt.Sprint("c", c.sent)})
	c.flush()
}

func (c *client) connect() {
	if c.s.up {
		return
	}
	c.s.up = true
	if c.id != "" {
		c.write(sm.Resume{PrevID: c.id, H: c.in.Resuming()})
		return
	}
	// Nothing can be resumed: what was sent behind an <enable/> that nobody answered may have arrived.
	_, rest, err := c.out.Failed(0, false)
	c.must(err)
	c.anew(rest, true)
}

// anew begins a session; rest goes first.
func (c *client) anew(rest []msg, flagged bool) {
	for i := range rest {
		rest[i].flagged = rest[i].flagged || flagged
	}
	c.outbox = append(rest, c.outbox...)
	c.id = ""
	c.in.Disable()
	if left := c.out.Enable(); len(left) > 0 {
		c.t.Fatal("Failed left something")
	}
	c.write(enable{})
	c.online = true // what is sent behind <enable/> counts
	c.flush()
}

func (c *client) confirm(ms []msg) {
	for _, m := range ms {
		c.acked = append(c.acked, m.n)
	}
}

func (c *client) must(err error) {
	if err != nil {
		c.t.Helper()
		c.t.Fatal(err)
	}
}

func (c *client) receive(e any) {
	switch e := e.(type) {
	case sm.Enabled:
		c.id = e.ID
		c.in.Enable()
	case sm.Resumed:
		if e.PrevID != c.id {
			c.t.Fatal("previd")
		}
		acked, err := c.out.Resumed(nil, e.H)
		c.must(err)
		c.confirm(acked)
		number := e.H
		for seq, m := range c.out.Unacked() {
			if number++; seq != number {
				c.t.Fatalf("sent again with number %d, not %d", seq, number)
			}
			c.write(m)
		}
		c.write(request{})
		c.out.Requested()
		c.in.Resumed()
		c.online = true
		c.flush()
	case sm.Failed:
		acked, rest, err := c.out.Failed(e.H, e.Known)
		c.must(err)
		c.confirm(acked)
		c.anew(rest, !e.Known)
	case request:
		c.write(ack{c.in.Ack(c.now)})
	case ack:
		acked, err := c.out.Ack(nil, e.h)
		c.must(err)
		c.confirm(acked)
		c.flush()
	case msg:
		c.message(e)
	}
}

func (c *client) message(m msg) {
	seq, again, err := c.in.Receive("message", m.id, "peer@example.org")
	c.must(err)
	if again {
		return
	}
	if seq == 0 {
		c.t.Fatal("a stanza came outside of a session")
	}
	if key := fmt.Sprint(m.n); c.seen[key] {
		if !m.delay {
			c.t.Fatalf("stanza %d came twice in one session", m.n)
		}
		// The archive's id would tell so. While the first one is with its handler the second one isn't
		// handled either: a process that ends now must be sent it again.
		if i := slices.IndexFunc(c.held, func(h heldMsg) bool { return h.m.n == m.n }); i >= 0 {
			c.held[i].twins = append(c.held[i].twins, seq)
			return
		}
		c.in.Handled(seq)
		return
	}
	c.seen[fmt.Sprint(m.n)] = true
	c.received = append(c.received, m.n)
	c.held = append(c.held, heldMsg{seq: seq, m: m})
}

// handle ends the handler of the i-th held stanza.
func (c *client) handle(i int) {
	if len(c.held) == 0 {
		return
	}
	i %= len(c.held)
	h := c.held[i]
	for _, older := range c.held[:i] {
		if older.seq < h.seq {
			c.early[h.m.n] = true
		}
	}
	c.held = slices.Delete(c.held, i, i+1)
	c.finished[h.m.n]++
	for _, seq := range append(h.twins, h.seq) {
		c.in.Handled(seq)
	}
	if due, _ := c.in.AckDue(c.now, false); due && c.s.up {
		c.write(ack{c.in.Ack(c.now)})
	}
}

func (c *client) tick() {
	c.now = c.now.Add(300 * time.Millisecond)
	if due, _ := c.out.RequestDue(c.now); due && c.online {
		c.write(request{})
		c.out.Requested()
	}
}

// deliver moves n elements each way and tells whether it moved any.
func (c *client) deliver(up, down int) (moved bool) {
	for range min(up, len(c.up)) {
		e := c.up[0]
		c.up = c.up[1:]
		c.s.receive(e)
		moved = true
	}
	for range min(down, len(c.s.down)) {
		e := c.s.down[0]
		c.s.down = c.s.down[1:]
		c.receive(e)
		moved = true
	}
	return moved
}

// cut delivers the last segments and loses everything behind them.
func (c *client) cut(up, down int) {
	if !c.s.up {
		return
	}
	c.deliver(up, down)
	c.up, c.s.down = nil, nil
	c.s.up, c.s.attached, c.online = false, false, false
}

// crash ends the process between two instructions and starts another one from what was stored.
func (c *client) crash() {
	c.cut(0, 0)
	st := sm.State{Account: "a", Domain: "d", ID: c.id, Cut: c.now, Acked: c.out.Acked(), Handled: c.in.H()}
	for _, m := range c.out.Unacked() {
		st.Queue = append(st.Queue, sm.Entry{Data: fmt.Appendf(nil, "%d %t", m.n, m.flagged)})
	}
	b, err := st.AppendBinary(nil)
	c.must(err)
	var back sm.State
	c.must(back.UnmarshalBinary(b))
	c.out, c.in = sm.Out[msg]{}, sm.In{}
	c.out.Restore(back.Acked, func(yield func(msg, int) bool) {
		for _, e := range back.Queue {
			var m msg
			_, err := fmt.Sscanf(string(e.Data), "%d %t", &m.n, &m.flagged)
			c.must(err)
			m.id = fmt.Sprint("c", m.n)
			if !yield(m, 100) {
				return
			}
		}
	})
	c.in.Restore(back.Handled)
	for _, h := range c.held {
		delete(c.seen, fmt.Sprint(h.m.n))
		c.received = slices.DeleteFunc(c.received, func(n int) bool { return n == h.m.n })
	}
	c.held = nil
}

// finish lets everything come to rest and checks that nothing was lost, doubled or turned round.
func (c *client) finish() {
	for range 10 {
		c.connect()
		for c.deliver(1, 1) {
		}
		for len(c.held) > 0 {
			c.handle(0)
		}
		for range 5 {
			c.tick()
		}
		c.s.push(request{})
	}
	for c.deliver(1, 1) {
	}
	c.check()
}

func (c *client) check() {
	t := c.t
	if n, bytes := c.out.Len(); n != 0 || bytes != 0 || len(c.outbox) != 0 || c.in.Held() != 0 {
		t.Fatalf("not at rest: %d unacknowledged, %d bytes, %d waiting, %d held", n, bytes, len(c.outbox), c.in.Held())
	}
	if c.out.Count() != c.s.cur.in {
		t.Fatalf("we sent %d, the server counts %d", c.out.Count(), c.s.cur.in)
	}
	if c.in.H() != c.s.cur.out || len(c.s.cur.queue) != 0 {
		t.Fatalf("the server sent %d, we count %d", c.s.cur.out, c.in.H())
	}
	there := make([]bool, c.sent+1)
	newest := 0
	for _, m := range c.s.got {
		if there[m.n] && !m.flagged {
			t.Fatalf("message %d arrived twice: %v", m.n, c.s.got)
		}
		if !there[m.n] && m.n < newest {
			t.Fatalf("message %d was overtaken: %v", m.n, c.s.got)
		}
		there[m.n], newest = true, max(newest, m.n)
	}
	for n := 1; n <= c.sent; n++ {
		if !there[n] {
			t.Fatalf("message %d was lost: %v", n, c.s.got)
		}
	}
	if len(c.acked) != c.sent || !slices.IsSorted(c.acked) {
		t.Fatalf("%d sent, acknowledged: %v", c.sent, c.acked)
	}
	if len(c.received) != c.s.downTotal {
		t.Fatalf("%d of %d arrived: %v", len(c.received), c.s.downTotal, c.received)
	}
	if len(c.early) == 0 && !slices.IsSorted(c.received) {
		t.Fatalf("out of order: %v", c.received)
	}
	for n := 1; n <= c.s.downTotal; n++ {
		if c.finished[n] != 1 {
			t.Fatalf("message %d was handled %d times", n, c.finished[n])
		}
	}
}
