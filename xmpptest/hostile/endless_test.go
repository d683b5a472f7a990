package hostile_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xmpptest"
)

// Each page of such an archive has another end, so that it is no circle, and none is the last.
var _ = add(
	row{id: "S128a", title: "An archive without an end", oracle: boundRow, also: "xep/rsm.TestPagesWithoutItemsEnd", scenes: bounds(
		bound{name: "pages without a message, for who asks", unit: "pages until it is given up", limit: 201, figure: emptyPages},
		bound{name: "pages without a message, for who catches up", unit: "pages in ten minutes", limit: 8 * 201, figure: emptyCatchUp},
		bound{name: "the same message on each page, for who catches up", unit: "times until it is told", limit: 70_000, figure: sameMessage},
	)},
)

// endless answers each query of an archive with what page makes for its id, as long as it is on. It is at the end of its wits after many.
func endless(srv *xmpptest.Server, pages *atomic.Int64, page func(query string) string) (stop func()) {
	const many = 5000
	return srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		q := e.First()
		if !q.Is(mam.NS, "query") || pages.Load() >= many {
			return []stanza.Element{e}
		}
		n := pages.Add(1)
		c.Send(page(q.Attr("queryid")) + fmt.Sprintf("<iq type='result' id='%s'><fin xmlns='%s'><set xmlns='http://jabber.org/protocol/rsm'><first>%d</first><last>%d</last></set></fin></iq>", e.Attr("id"), mam.NS, n, n))
		return nil
	})
}

func noMessage(string) string { return "" }

func emptyPages(t *testing.T) (int64, error) {
	var pages atomic.Int64
	var archive *mam.Archive
	err := meet(t, nil, nil, func(s *session) { archive = mam.New(s.Connection, nil) }, func(s *session) error {
		defer endless(s.srv, &pages, noMessage)()
		for m, err := range archive.Messages(t.Context(), mam.Query{}) {
			if err != nil {
				return is(rsm.ErrEndless)(err)
			}
			return fmt.Errorf("it has %v", m)
		}
		return errors.New("it came to an end")
	})
	return pages.Load(), err
}

// emptyCatchUp is of who has missed something.
func emptyCatchUp(t *testing.T) (n int64, err error) {
	var pages atomic.Int64
	told, err := catchesUp(t, mam.Options{Sync: true}, &pages, noMessage)
	if err == nil && told == 0 {
		err = errors.New("nobody was told")
	}
	return pages.Load(), err
}

// sameMessage is of who gets nothing new, and may have known some of it.
func sameMessage(t *testing.T) (n int64, err error) {
	const size = 1000
	var pages atomic.Int64
	told, err := catchesUp(t, mam.Options{Sync: true, PageSize: size}, &pages, func(query string) string {
		return strings.Repeat("<message><result xmlns='"+mam.NS+"' queryid='"+query+"' id='same'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2090-01-02T03:04:05Z'/>"+
			"<message xmlns='jabber:client' type='chat' from='"+contactFull+"'><body>x</body></message></forwarded></result></message>", size)
	})
	return told * size, err
}

// catchesUp logs in twice, with an endless archive the second time, and returns after how many pages OnError was told, 0 if never.
func catchesUp(t *testing.T, options mam.Options, pages *atomic.Int64, page func(string) string) (told int64, err error) {
	err = serve(t, &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}}, func(srv *xmpptest.Server) error {
		store, first := xmpp.NewMemoryStore(), atomic.Int64{}
		login := func() (*xmpp.Connection, error) {
			cfg := ownConfiguration(srv, func(cfg *xmpp.ConnectionConfiguration) {
				cfg.Store, cfg.DisableStreamManagement, cfg.OnError = store, true, func(error) { first.CompareAndSwap(0, pages.Load()) }
			})
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return nil, err
			}
			mam.New(c, &options)
			return c, c.Login(t.Context(), "", "")
		}
		for range 2 {
			c, err := login()
			if err != nil {
				return err
			}
			pass(10 * time.Minute)
			if c.State() != xmpp.Online {
				return fmt.Errorf("it is %v: %w", c.State(), c.Err())
			}
			if err := c.Close(); err != nil {
				return err
			}
			defer endless(srv, pages, page)()
		}
		told = first.Load()
		return nil
	})
	return told, err
}
