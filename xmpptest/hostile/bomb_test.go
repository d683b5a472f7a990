package hostile_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

var full = flag.Bool("hostile.full", false, "amounts of the size that the rows name, where a tenth or less is usual")

// amount is how much of a flood is sent.
func amount(named, usual int) int {
	if *full {
		return named
	}
	return usual
}

const kib = 1 << 10

// S082 to S087: XML that costs whoever reads it.
var _ = add(
	row{id: "S082", title: "A million elements deep", oracle: "ABORT, BOUND", also: "internal/xmlstream.TestBombs", alone: true, scenes: bombs(
		bomb{name: "online", body: "<a>", n: 1_000_000, most: 3 * chunkKiB},
		bomb{name: "before login", body: "<a>", n: 1_000_000, most: 3 * chunkKiB, before: true},
	)},
	row{id: "S083", title: "A million attributes", oracle: "ABORT, BOUND", also: "internal/xmlstream.TestBombs", alone: true, scenes: bombs(
		bomb{name: "attributes", head: "<message", body: " a%d=''", n: 1_000_000, most: 3 * chunkKiB},
		bomb{name: "declarations", head: "<message", body: " xmlns:a%d='urn:a'", n: 1_000_000, most: 3 * chunkKiB},
		bomb{name: "one long attribute", head: "<message id='", body: "x", n: 64 << 20, most: 4 * chunkKiB},
		bomb{name: "before login", head: "<stream:features", body: " a%d=''", n: 1_000_000, most: 3 * chunkKiB, before: true},
	)},
	row{id: "S084", title: "64 MiB in one stanza", oracle: "ABORT, BOUND", also: "internal/xmlstream.TestBigElement", alone: true, scenes: bombs(
		bomb{name: "text", head: "<message><body>", body: "x", n: 64 << 20, most: 10*kib + 3*chunkKiB},
		bomb{name: "references", head: "<message><body>", body: "&#120;", n: 64 << 20 / 6, most: 10*kib + 3*chunkKiB},
		bomb{name: "CDATA", head: "<message><body><![CDATA[", body: "x", n: 64 << 20, most: 10*kib + 3*chunkKiB},
		bomb{name: "a name", head: "<", body: "a", n: 64 << 20, most: 4 * chunkKiB},
		bomb{name: "text before login", head: "<stream:features>", body: "x", n: 64 << 20, most: 4 * chunkKiB, before: true},
	)},
	row{id: "S085", title: "A million children", oracle: "ABORT, BOUND", also: "internal/xmlstream.TestBombs", alone: true, scenes: bombs(
		bomb{name: "online", head: "<message>", body: "<a/>", n: 1_000_000, most: 1000 + 3*chunkKiB},
		bomb{name: "before login", head: "<stream:features>", body: "<a/>", n: 1_000_000, most: 3 * chunkKiB, before: true},
	)},
	row{id: "S086", title: "A byte every ten seconds", oracle: boundRow, alone: true, scenes: bounds(
		bound{name: "a stanza that takes a day", unit: "KiB of heap", limit: 256, figure: dripOnline},
		bound{name: "before login", unit: "s until Login gives up", limit: 31, figure: dripBefore},
	)},
	row{id: "S087", title: "White space without an end", oracle: boundRow, also: "internal/xmlstream.TestWhitespaceFlood", alone: true, scenes: bounds(
		bound{name: "as fast as it goes", unit: "KiB of heap", limit: 256, figure: blanks},
		bound{name: "a blank each tenth of a second for a minute", unit: "KiB of heap", limit: 256, figure: slowBlanks},
	)},
)

// chunk is how much is sent at once: the pipe holds more, so the client is never in the middle of one when it closes.
const (
	chunkKiB = 32
	chunk    = chunkKiB * kib
)

// A bomb is one element that never ends. The client has to say policy-violation and close when it has seen enough, and
// may not hold more than three times what a stanza may have.
type bomb struct {
	name       string
	head, body string // the body n times; %d in it is its number
	n          int
	most       int64 // KiB that it takes
	before     bool  // the client has not logged in
}

const mostHeap = 3 * 10 << 20

func bombs(list ...bomb) []scene {
	var all []scene
	for _, b := range list {
		all = append(all, scene{name: b.name, play: b.play})
	}
	return all
}

// inClearOptions are of a server without TLS, whose buffers would be measured too.
func inClearOptions() *xmpptest.Options {
	return &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}, NoArchive: true}
}

func (b bomb) play(t *testing.T) error {
	return serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement = true, true
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		base := liveHeap()
		var taken, peak int64
		log := ""
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			var err error
			if b.before {
				err = errors.Join(second(s.Header()), s.Send(header))
			} else {
				_, err = online("")(s)
			}
			if err != nil {
				return err
			}
			read := make(chan struct{})
			go func() { // what it says is read when it says it: it is gone with a connection that broke
				defer close(read)
				_ = drain(s)
			}()
			taken, peak = b.send(s, base)
			<-read
			log = s.Log()
			return nil
		})
		err = c.Login(t.Context(), "", "")
		if !b.before {
			if err != nil {
				return err
			}
			<-c.Done()
			err = c.Err()
		}
		if bad := script.Wait(t.Context()); bad != nil {
			return bad
		}
		bad, ok := errors.AsType[*xmpp.ProtocolError](err)
		switch {
		case !ok || bad.Condition != stanza.StreamPolicyViolation:
			return fmt.Errorf("it ended with %w", err)
		case !strings.Contains(log, "<policy-violation "):
			return fmt.Errorf("it said nothing of it: %s", short(log))
		case taken > b.most*kib:
			return fmt.Errorf("it took %d KiB, more than %d", taken/kib, b.most)
		case peak > mostHeap:
			return fmt.Errorf("%d KiB of heap, more than %d", peak/kib, mostHeap/kib)
		}
		note(t, "%s: ended after at most %d KiB, %d KiB of heap", b.name, taken/kib, max(peak, 0)/kib)
		return nil
	})
}

// send sends until the client closes, and looks at the heap every now and then.
func (b bomb) send(s *xmpptest.ScriptConn, base int64) (taken, peak int64) {
	var data strings.Builder
	data.WriteString(b.head)
	next := int64(0)
	for n := range b.n {
		if strings.Contains(b.body, "%d") {
			fmt.Fprintf(&data, b.body, n)
		} else {
			data.WriteString(b.body)
		}
		if data.Len() < chunk {
			continue
		}
		taken += int64(data.Len())
		if s.Send(data.String()) != nil {
			break
		}
		moment()
		if data.Reset(); taken >= next {
			peak = max(peak, liveHeap()-base)
			next = taken + 1<<20
		}
	}
	return taken, peak
}

// dripOnline lets a day pass with a message that comes a byte at a time. Meanwhile the client goes on to speak.
func dripOnline(t *testing.T) (grown int64, err error) {
	err = meet(t, inClearOptions(), plainly, nil, func(s *session) error {
		s.say("<message from='" + contact + "'><body>")
		base := liveHeap()
		for range 8640 {
			if err := s.conn.Send("x"); err != nil {
				return fmt.Errorf("the client left: %w", err)
			}
			pass(10 * time.Second)
		}
		grown = (liveHeap() - base) / kib
		before := s.mark()
		if err := say("still here")(t.Context(), s); err != nil {
			return err
		}
		got, err := s.since(before)
		if err != nil || len(got.wrote) != 1 {
			return fmt.Errorf("it wrote %v: %w", got.wrote, err)
		}
		before = s.mark()
		s.say("</body></message>")
		if got, _ := s.since(before); len(got.heard) != 2 {
			return fmt.Errorf("the message made %v", got)
		}
		return nil
	})
	return max(grown, 0), err
}

// plainly is meet's configuration for inClearOptions.
func plainly(cfg *xmpp.ConnectionConfiguration) {
	cfg.Security, cfg.AllowPlainInClear, cfg.Mechanisms, cfg.TLS = xmpp.SecurityPlaintext, true, []string{"PLAIN"}, nil
	cfg.Silence = -1
}

// dripBefore sends features a byte at a time: bytes are no sign of progress.
func dripBefore(t *testing.T) (seconds int64, err error) {
	err = serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		srv.Script(func(s *xmpptest.ScriptConn) error {
			err := errors.Join(second(s.Header()), s.Send(header+"<stream:features><x>"))
			for err == nil && s.Send("x") == nil {
				pass(10 * time.Second)
			}
			return err
		})
		c, err := library(ownConfiguration(srv))
		if err != nil {
			return err
		}
		defer c.Close()
		began := time.Now()
		if err := c.Login(t.Context(), "", ""); err == nil {
			return errors.New("it logged in")
		}
		seconds = int64(time.Since(began) / time.Second)
		return nil
	})
	return seconds, err
}

// blanks sends a GiB of them.
func blanks(t *testing.T) (int64, error) {
	mib := amount(1024, 16)
	note(t, "%d MiB", mib)
	return idle(t, func(send func(string) error) error {
		text := strings.Repeat(" \n\t\r", chunk/4)
		for range mib << 20 / chunk {
			if err := send(text); err != nil {
				return err
			}
		}
		return nil
	})
}

func slowBlanks(t *testing.T) (int64, error) {
	return idle(t, func(send func(string) error) error {
		for range 600 {
			if err := send(" "); err != nil {
				return err
			}
			pass(100 * time.Millisecond)
		}
		return nil
	})
}

// idle sends what must not reach the program, and returns the KiB by which the heap has grown.
func idle(t *testing.T, send func(func(string) error) error) (grown int64, err error) {
	err = meet(t, inClearOptions(), plainly, nil, func(s *session) error {
		before := s.mark()
		base := liveHeap()
		if err := send(s.conn.Send); err != nil {
			return err
		}
		moment()
		grown = (liveHeap() - base) / kib
		got, err := s.since(before)
		if err == nil && !got.nothing() {
			err = fmt.Errorf("it made %v", got)
		}
		before = s.mark()
		s.say("<message from='" + contact + "'><body>next</body></message>")
		if next, _ := s.since(before); len(next.heard) != 2 {
			err = errors.Join(err, fmt.Errorf("the next message made %v", next))
		}
		return err
	})
	return max(grown, 0), err
}
