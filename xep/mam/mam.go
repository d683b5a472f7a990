package mam

import (
	"sync"

	"github.com/gosmack/xmpp"
)

// Options say how archives are used. The zero value asks only when told to.
type Options struct {
	// Sync fetches what was missed while the account was not online here, at the begin of each new
	// session, and hands it to the connection's ordinary listeners with the mark [Archived], in the
	// archive's order and ahead of what comes live: see the package's comment. Copies of what other
	// devices sent go to ChatManager.OnSent. Use a Store that lasts.
	Sync bool
	// PageSize is how many messages are asked for at a time; 0: 50. Servers may send fewer.
	PageSize int
}

// An Archive asks the archives that one connection can read. Its methods may be called from any
// goroutine.
type Archive struct {
	conn *xmpp.Connection
	page int
	sent sentLog

	mu   sync.Mutex            // guards what follows; never held while anything waits
	open map[string]*gathering // queries that are under way, by id
}

// New attaches archives to the connection. Nil options mean the zero value. It panics where
// [xmpp.Connection.Use] does: after the first Connect, and when called twice.
func New(conn *xmpp.Connection, options *Options) *Archive {
	var o Options
	if options != nil {
		o = *options
	}
	if o.PageSize <= 0 {
		o.PageSize = defaultPage
	}
	a := &Archive{conn: conn, page: o.PageSize, open: make(map[string]*gathering)}
	x := xmpp.Extension{
		Name:      "mam",
		Unwrap:    a.unwrap,
		Outgoing:  a.outgoing,
		Reconcile: a.reconcile,
	}
	if o.Sync {
		s := newCatchUp(a)
		x.CatchUp, x.Reset, x.Start, x.Online, x.Closed = s.known, s.reset, s.start, s.online, s.closed
		x.Admit, x.Handled = s.admit, s.handled
	}
	conn.Use(x)
	return a
}
