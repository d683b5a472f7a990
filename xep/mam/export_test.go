package mam

import (
	"context"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// The payloads that only the archive and we write, for the tests of package mam_test.
type (
	QueryPayload = query
	Result       = result
	Fin          = fin
)

// Reconcile is what the connection calls when a session was lost for good.
func (a *Archive) Reconcile(ctx context.Context, all []*stanza.Message) ([]xmpp.Arrival, error) {
	return a.reconcile(ctx, all)
}

// ParsePosition reads what is stored of how far the archive was handled.
func ParsePosition(s string) (Position, bool) { return parsePosition(s) }

// A Position is that.
type Position = position

// Text is the position as it is stored.
func (p position) Text() string { return p.text() }
