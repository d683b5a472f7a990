package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// S182, S190 to S195: more than anybody can want.
var _ = add(
	row{id: "S182", title: "A server that never acknowledges", oracle: boundRow, also: "TestOurQueue", alone: true, scenes: bounds(
		bound{name: "what is accepted", unit: "messages", limit: 2048, figure: takenUnacked},
		bound{name: "what they cost, of 4 KiB each", unit: "KiB of heap", limit: 3 * 8 * kib, figure: neverAcked},
	)},
	row{id: "S190", title: "A roster of 100 000 contacts, or of 50 MiB", oracle: boundRow, alone: true, scenes: append(bounds(
		bound{name: "what it costs", unit: "bytes of heap for each", limit: 300, figure: largeRoster},
	), scene{name: "50 MiB", play: hugeRoster})},
	row{id: "S191", title: "Presence of a million strangers", oracle: boundRow, also: "TestHostilePresenceFlood", alone: true, scenes: bounds(
		bound{name: "each from another address", unit: "KiB of heap", limit: 4 * kib, figure: presences("m%d@evil.example/x", false)},
		bound{name: "each from another resource of a stranger", unit: "KiB of heap", limit: 256, figure: presences("mallory@evil.example/%d", false)},
		bound{name: "each from another resource of a contact", unit: "KiB of heap", limit: 384, figure: presences(contact+"/%d", true)},
	)},
	row{id: "S192", title: "A flood of requests", oracle: boundRow, alone: true, scenes: bounds(
		bound{name: "of a server that doesn't read", unit: "stanzas held", limit: 4096 + 256, figure: heldRequests},
		bound{name: "before a request of our own", unit: "answers", limit: 800, figure: answersAhead},
		bound{name: "for each request of our own in it", unit: "strangers' requests", limit: 4096 + 256, figure: latency, real: true},
	)},
	row{id: "S193", title: "Compression (XEP-0138)", oracle: ignoreRow, scenes: []scene{{name: "zlib is offered", play: neverCompresses}}},
	row{id: "S194", title: "A handler that is slow", oracle: boundRow, also: "TestASlowConsumer", alone: true, scenes: bounds(
		bound{name: "for ten minutes in a flood", unit: "stanzas held", limit: 257, figure: slowHandler},
	)},
	row{id: "S195", title: "A million messages", oracle: boundRow, alone: true, scenes: bounds(
		bound{name: "goroutines", unit: "goroutines more than at rest", limit: 3, figure: goroutines},
		bound{name: "what stays", unit: "KiB of heap", limit: 256, figure: staysOfMessages},
	)},
)

// takenUnacked counts what a client takes that gets no acknowledgement.
func takenUnacked(t *testing.T) (n int64, err error) {
	err = unacknowledged(t, func(_ *xmpptest.Server, c *xmpp.Connection) error {
		for ; n < 100_000; n++ {
			err := c.TrySend(t.Context(), &stanza.Message{To: jid.MustParse(contact), Type: stanza.MessageChat, Body: "x"})
			if errors.Is(err, xmpp.ErrBufferFull) {
				break
			}
			if err != nil {
				return err
			}
			moment()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Send(ctx, &stanza.Message{To: jid.MustParse(contact), Body: "x"}); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("Send with a full outbox: %w", err)
		}
		return nil
	})
	return n, err
}

func neverAcked(t *testing.T) (grown int64, err error) {
	err = unacknowledged(t, func(_ *xmpptest.Server, c *xmpp.Connection) error {
		base := liveHeap()
		body := strings.Repeat("x", 4*kib)
		for range 100_000 {
			if c.TrySend(t.Context(), &stanza.Message{To: jid.MustParse(contact), Type: stanza.MessageChat, Body: body}) != nil {
				break
			}
			moment()
		}
		grown = (liveHeap() - base) / kib
		return nil
	})
	return grown, err
}

// unacknowledged runs f with a client whose server counts and never says so. Behind f the client must still hear.
func unacknowledged(t *testing.T, f func(*xmpptest.Server, *xmpp.Connection) error) error {
	return serve(t, &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}, NoArchive: true, StreamManagement: xmpptest.StreamManagement{AskEvery: -1, Mute: true}}, func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		var heard atomic.Bool
		c.OnMessage(func(context.Context, *stanza.Message) { heard.Store(true) })
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		if err := f(srv, c); err != nil {
			return err
		}
		srv.Connections("romeo")[0].Send("<message from='" + contact + "'><body>x</body></message>")
		moment()
		if !heard.Load() || c.State() != xmpp.Online {
			return fmt.Errorf("it is deaf: %v", c.State())
		}
		return nil
	})
}

// item is a contact of about 95 bytes.
func item(n int) string {
	return fmt.Sprintf("<item jid='contact%06d@montague.example' name='Contact %06d' subscription='both'/>", n, n)
}

// withRoster logs in where the roster is what fill sends, and calls f when it is there or can't be.
func withRoster(t *testing.T, fill func(send func(string) error) error, f func(c *xmpp.Connection, log string, base int64) error) error {
	return serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement = true, true
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		log := ""
		base := liveHeap()
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			_, err := s.Login("romeo")
			roster, bad := s.Await("jabber:iq:roster")
			if err = errors.Join(err, bad); err != nil {
				return err
			}
			read := make(chan struct{})
			go func() { // what it says is read when it says it: it is gone with a connection that broke
				defer close(read)
				_ = drain(s)
				log = s.Log()
			}()
			_ = fill(func(text string) error {
				return s.Send(strings.ReplaceAll(text, "{id}", roster.Attr("id")))
			})
			<-read
			return nil
		})
		_ = c.Login(t.Context(), "", "")
		moment()
		if c.State() == xmpp.Online {
			err = f(c, "", base)
			_ = c.Close()
			return errors.Join(err, script.Wait(t.Context()))
		}
		if err := script.Wait(t.Context()); err != nil {
			return err
		}
		return f(c, log, base)
	})
}

const rosterHead, rosterTail = "<iq type='result' id='{id}'><query xmlns='jabber:iq:roster'>", "</query></iq>"

func largeRoster(t *testing.T) (grown int64, err error) {
	contacts, size := amount(100_000, 20_000), 0
	err = withRoster(t, func(send func(string) error) error {
		var data strings.Builder
		data.WriteString(rosterHead)
		for n := range contacts {
			data.WriteString(item(n))
			if data.Len() > chunk {
				size += data.Len()
				if err := send(data.String()); err != nil {
					return err
				}
				data.Reset()
			}
		}
		size += data.Len()
		return send(data.String() + rosterTail)
	}, func(c *xmpp.Connection, _ string, base int64) error {
		if c.State() != xmpp.Online {
			return fmt.Errorf("it is %v: %w", c.State(), c.Err())
		}
		n := 0
		for range c.Roster().Contacts() {
			n++
		}
		if n != contacts {
			return fmt.Errorf("%d contacts", n)
		}
		grown = (liveHeap() - base) / int64(contacts)
		return nil
	})
	note(t, "%d contacts in %d KiB", contacts, size/kib)
	return grown, err
}

func hugeRoster(t *testing.T) error {
	taken, peak := 0, int64(0)
	return withRoster(t, func(send func(string) error) error {
		base := liveHeap()
		text := rosterHead
		for n, next := 0, 0; n < 50<<20/95; {
			for ; len(text) < chunk; n++ {
				text += item(n)
			}
			taken += len(text)
			if err := send(text); err != nil {
				return err
			}
			moment()
			if text = ""; taken > next {
				peak = max(peak, liveHeap()-base)
				next = taken + 1<<20
			}
		}
		return nil
	}, func(c *xmpp.Connection, log string, _ int64) error {
		if c.State() == xmpp.Online || !strings.Contains(log, "<policy-violation ") || taken > 11<<20 || peak > mostHeap {
			return fmt.Errorf("it is %v after %d KiB, with %d KiB of heap: %s", c.State(), taken/kib, peak/kib, short(log))
		}
		note(t, "50 MiB: refused with policy-violation after %d KiB, %d KiB of heap", taken/kib, peak/kib)
		return nil
	})
}

// presences sends presence from ever new addresses, which are a contact's or strangers', and looks at what stays. The first ones of one
// address and the last ones of many are those of which something is kept: they say more than that may be.
func presences(format string, known bool) func(t *testing.T) (int64, error) {
	return func(t *testing.T) (grown int64, err error) {
		n := amount(1_000_000, 10_000)
		if strings.HasPrefix(format, "m%d") {
			note(t, "%d presences each", n)
		}
		long := strings.Repeat("x", 16*kib)
		presence := func(at int) string {
			more := fmt.Sprint("<priority>1</priority><status>", at, "</status>")
			if at > 0 && at < 500 || at >= n-500 {
				more = "<show>" + long + "</show><status>" + long + "</status>"
			}
			return fmt.Sprintf("<presence from='"+format+"'>%s</presence>", at, more)
		}
		var heard atomic.Int64
		err = quietly(t, func(c *xmpp.Connection) {
			c.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) {
				if p.From.Bare() != c.User().Bare() {
					heard.Add(1)
				}
			})
		}, func(c *xmpp.Connection, send func(string)) error {
			if known {
				send("<iq type='set' id='friend'><query xmlns='jabber:iq:roster'><item jid='" + contact + "' subscription='both'/></query></iq>")
			}
			if _, ok := c.Roster().Contact(jid.MustParse(contact)); ok != known {
				return fmt.Errorf("%s is a contact: %v", contact, ok)
			}
			send(presence(0)) // caches are made
			base := liveHeap()
			for at := 0; at < n; {
				var data strings.Builder
				for ; data.Len() < chunk && at < n; at++ {
					data.WriteString(presence(at))
				}
				send(data.String())
			}
			grown = (liveHeap() - base) / kib
			if got := heard.Load(); got != int64(n)+1 {
				return fmt.Errorf("%d presences of %d were heard", got, n+1)
			}
			runtime.KeepAlive(c)
			return nil
		})
		return max(grown, 0), err
	}
}

// quietly is meet without the listeners that keep what they hear, which would be measured too.
func quietly(t *testing.T, prepare func(*xmpp.Connection), f func(c *xmpp.Connection, send func(string)) error, changes ...with) error {
	t.Helper()
	return serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement, cfg.Silence = true, true, -1
		for _, change := range changes {
			change(cfg)
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		prepare(c)
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		conn := srv.Connections("romeo")[0]
		err = f(c, func(text string) {
			conn.Send(text)
			moment()
			synctest.Wait()
		})
		if c.State() != xmpp.Online {
			err = errors.Join(err, fmt.Errorf("it is %v: %w", c.State(), c.Err()))
		}
		return err
	})
}

func pings(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "<iq type='get' id='p%d' from='m%d@evil.example/x'><ping xmlns='urn:xmpp:ping'/></iq>", i, i)
	}
	return b.String()
}

// heldRequests sends requests and reads no answer: past what the lane for answers holds the requests wait, and then the server.
func heldRequests(t *testing.T) (held int64, err error) {
	n := amount(100_000, 10_000)
	note(t, "%d requests", n)
	err = serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement = true, true
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		conn := srv.Connections("romeo")[0]
		conn.Stall(true, false)
		conn.Send(pings(n))
		pass(10 * time.Second)
		s := c.Stats()
		held = int64(s.Waiting + s.Outbox)
		pass(30 * time.Second) // a write that nobody takes
		if c.State() == xmpp.Online {
			return errors.New("a server that reads nothing is not given up")
		}
		return nil
	})
	return held, err
}

// answersAhead counts the answers that leave between the call and the request, in a flood that a server of little room reads as they come.
func answersAhead(t *testing.T) (ahead int64, err error) {
	n := amount(100_000, 10_000)
	options := inClearOptions()
	options.BufferSize = 8 * kib
	err = meet(t, options, plainly, nil, func(s *session) error {
		s.conn.Stall(true, false)
		go func() { _ = s.conn.Send(pings(n)) }()
		pass(time.Second)
		asked := make(chan error, 1)
		go func() { asked <- s.Get(t.Context(), jid.MustParse(domain), probe{}, nil) }()
		pass(time.Second)
		before := len(s.conn.Log())
		s.conn.Stall(false, false)
		if err := <-asked; err == nil {
			return errors.New("the server knows what it can't know")
		}
		log := s.conn.Log()[before:]
		at := strings.Index(log, "urn:example:probe")
		if at < 0 {
			return fmt.Errorf("no request: %s", short(log))
		}
		ahead = int64(strings.Count(log[:at], " id='p"))
		pass(time.Minute)
		if all := strings.Count(s.conn.Log(), " id='p"); all < n {
			return fmt.Errorf("%d of %d requests were answered", all, n)
		}
		return nil
	})
	return ahead, err
}

// slowHandler stands for ten minutes before a flood. Nothing is lost and nothing changes its order.
func slowHandler(t *testing.T) (held int64, err error) {
	n := amount(100_000, 5000)
	note(t, "%d messages", n)
	var next, wrong int
	err = quietly(t, func(c *xmpp.Connection) {
		c.OnMessage(func(_ context.Context, m *stanza.Message) {
			if m.Body != fmt.Sprint(next) {
				wrong++
			}
			if next++; next == 100 {
				time.Sleep(10 * time.Minute) // virtual
			}
		})
	}, func(c *xmpp.Connection, send func(string)) error {
		for at := 0; at < n; {
			var data strings.Builder
			for ; data.Len() < chunk && at < n; at++ {
				fmt.Fprintf(&data, "<message from='%s'><body>%d</body></message>", contact, at)
			}
			send(data.String()) // waits at the server where the client doesn't read
		}
		pass(5 * time.Minute)
		held = int64(c.Stats().Waiting)
		pass(10 * time.Minute)
		synctest.Wait()
		if next != n || wrong > 0 {
			return fmt.Errorf("%d of %d messages, %d out of order", next, n, wrong)
		}
		return nil
	})
	return held, err
}

const manyMessages, fewMessages = 1_000_000, 40_000

// messages sends many. rest is called when all is at rest: behind the first 20 000, with which what is bounded has filled, and at the end. look is
// called now and then by the handler.
func messages(t *testing.T, rest, look func()) error {
	const warm = 20_000
	n := amount(manyMessages, fewMessages)
	handled := 0
	return quietly(t, func(c *xmpp.Connection) {
		c.OnMessage(func(context.Context, *stanza.Message) {
			if handled++; handled%1000 == 0 {
				look()
			}
		})
	}, func(c *xmpp.Connection, send func(string)) error {
		at := 0
		until := func(end int) {
			for at < end {
				var data strings.Builder
				for ; data.Len() < chunk && at < end; at++ {
					fmt.Fprintf(&data, "<message from='m%d@evil.example/x' id='%d'><body>%d</body></message>", at, at, at)
				}
				send(data.String())
			}
		}
		until(warm)
		rest()
		until(n)
		rest()
		if handled != n {
			return fmt.Errorf("%d of %d were handled", handled, n)
		}
		return nil
	})
}

func goroutines(t *testing.T) (most int64, err error) {
	note(t, "%d messages", amount(manyMessages, fewMessages))
	base := int64(0)
	err = messages(t, func() { base = int64(runtime.NumGoroutine()) }, func() { most = max(most, int64(runtime.NumGoroutine())) })
	return most - base, err
}

func staysOfMessages(t *testing.T) (grown int64, err error) {
	base := int64(0)
	err = messages(t, func() {
		if base == 0 {
			base = liveHeap()
			return
		}
		grown = max((liveHeap()-base)/kib, 0)
	}, func() {})
	return grown, err
}
