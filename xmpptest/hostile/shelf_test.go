package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xmpptest"
)

// S128b: an archive that has no end (XEP-0313 §3.1, XEP-0059 §2.2). One that goes in a circle is left; one that has always something new is read as long as
// it has, because nobody can tell it from a large one, and the rest of the client goes on beside it.
var _ = add(row{id: "S128b", title: "An archive in a circle, and one that has always something new", oracle: boundRow, also: "xep/rsm.TestCirclesEnd xep/rsm.TestALongListIsNoCircle", alone: true, scenes: bounds(
	bound{name: "the same page for ever", unit: "pages", limit: 4, figure: circles(1)},
	bound{name: "three pages in a circle", unit: "pages", limit: 12, figure: circles(3)},
	bound{name: "always another page, of one message", unit: "KiB of heap", limit: 4 * kib, figure: everMore},
)})

// A shelf is an archive that answers so, a page each ten milliseconds.
type shelf struct {
	pages atomic.Int64
	name  func(n int64) string // of a page's last message
	over  atomic.Bool
}

// answer is page number n of a query.
func (a *shelf) answer(id, query string, n int64) string {
	last := a.name(n)
	text := archived("", query, last, "<message xmlns='jabber:client' from='"+contactFull+"' to='"+own+"' type='chat' id='"+last+"'><body>old "+last+"</body></message>")
	complete := ""
	if a.over.Load() {
		complete = " complete='true'"
	}
	return text + "<iq type='result' id='" + id + "'><fin xmlns='urn:xmpp:mam:2'" + complete + "><set xmlns='http://jabber.org/protocol/rsm'><first>" + last + "</first><last>" + last + "</last></set></fin></iq>"
}

// serve answers the queries of a client's archive.
func (a *shelf) serve(srv *xmpptest.Server) {
	srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		query := e.First()
		if !query.Is(mam.NS, "query") {
			return []stanza.Element{e}
		}
		time.Sleep(10 * time.Millisecond) // virtual
		c.Send(a.answer(e.Attr("id"), query.Attr("queryid"), a.pages.Add(1)))
		return nil
	})
}

// circles counts the pages that are asked for until a range over so many in a circle ends.
func circles(pages int64) func(*testing.T) (int64, error) {
	return func(t *testing.T) (int64, error) {
		a := &shelf{name: func(n int64) string { return fmt.Sprint("page", n%pages) }}
		var archive *mam.Archive
		err := meet(t, nil, nil, func(s *session) { archive = mam.New(s.Connection, nil) }, func(s *session) error {
			a.serve(s.srv)
			var last error
			for _, last = range archive.Messages(t.Context(), mam.Query{}) {
				if a.pages.Load() > 1000 {
					break
				}
			}
			return is(rsm.ErrCircular)(last)
		})
		return a.pages.Load(), err
	}
}

// everMore catches up with an archive of ever new pages: what that costs, while what is live comes all the same, and requests of our own are answered.
func everMore(t *testing.T) (grown int64, err error) {
	n := int64(amount(100_000, 5_000))
	note(t, "%d pages", n)
	a := &shelf{name: func(n int64) string { return fmt.Sprint("page", n) }}
	err = serve(t, &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}}, func(srv *xmpptest.Server) error {
		store := xmpp.NewMemoryStore()
		var old, fresh atomic.Int64
		login := func() (*xmpp.Connection, error) {
			cfg := measured(srv)
			cfg.Store, cfg.DisableStreamManagement, cfg.DisableReconnection = store, true, true
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return nil, err
			}
			mam.New(c, &mam.Options{Sync: true})
			c.OnMessage(func(_ context.Context, m *stanza.Message) {
				if strings.HasPrefix(m.Body, "old") {
					old.Add(1)
				} else {
					fresh.Add(1)
				}
			})
			return c, c.Login(t.Context(), "", "")
		}
		c, err := login() // from here on there is a place to go on from
		if err != nil {
			return err
		}
		pass(time.Minute)
		if err := c.Close(); err != nil {
			return err
		}
		a.serve(srv)
		if c, err = login(); err != nil {
			return err
		}
		defer c.Close()
		pass(time.Minute)
		base, began := liveHeap(), a.pages.Load()
		srv.Connections("romeo")[0].Send("<message from='" + contact + "'><body>live</body></message>")
		pass(35 * time.Second)
		var f faults
		if fresh.Load() != 1 {
			f.addf("what is live has not come after 35 s")
		}
		asked := time.Now()
		if err := second(ping.Ping(t.Context(), c, jid.MustParse(domain))); err != nil || time.Since(asked) > time.Second {
			f.addf("a request of our own took %v: %w", time.Since(asked), err)
		}
		for a.pages.Load() < began+n && c.State() == xmpp.Online {
			pass(10 * time.Second)
		}
		grown = max(0, (liveHeap()-base)/kib)
		if got := old.Load(); got < n {
			f.addf("%d of %d messages were heard", got, n)
		}
		a.over.Store(true)
		pass(time.Minute)
		before := a.pages.Load()
		pass(time.Minute)
		if after := a.pages.Load(); after != before || c.State() != xmpp.Online {
			f.addf("at the end it is %v, and asks on: %d", c.State(), after-before)
		}
		runtime.KeepAlive(c)
		return errors.Join(f.err(), c.Close())
	})
	return grown, err
}
