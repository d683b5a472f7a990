package disco

import (
	"context"
	"fmt"
	"iter"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
)

// Info asks what an entity is and can (XEP-0030 §3): of is an address, the zero
// one our own account; node is one of its nodes, mostly none. It blocks until
// the answer comes, may be called from any goroutine and any handler, and has the errors of
// [xmpp.Connection.Get]. stanza.ServiceUnavailable also means "not for you".
func Info(ctx context.Context, conn *xmpp.Connection, of jid.JID, node string) (Entity, error) {
	var e Entity
	err := conn.Get(ctx, of, Entity{Node: node}, &e)
	e.Faults.log(conn, of)
	return e, err
}

// Items asks what belongs to an entity (XEP-0030 §4), with addresses and nodes
// as for [Info]. Each range asks anew and blocks for the answer; an error is the
// only pair, with a zero Item, and is one of [xmpp.Connection.Get]. Items without
// a good address are left out and logged.
func Items(ctx context.Context, conn *xmpp.Connection, of jid.JID, node string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var list ItemList
		if err := conn.Get(ctx, of, ItemList{Node: node}, &list); err != nil {
			yield(Item{}, err)
			return
		}
		list.Faults.log(conn, of)
		for _, i := range list.Items {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (f Faults) log(conn *xmpp.Connection, of jid.JID) {
	if len(f) > 0 {
		conn.Report(fmt.Errorf("service discovery: %d entries of %v left out: %w", len(f), of, f[0]))
	}
}
