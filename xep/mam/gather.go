package mam

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// maxBytes bounds one page in memory.
const maxBytes = 64 << 20

// ErrTooMuch is the error of a page that has more messages than were asked for, or more than
// 64 MiB of them: ask for shorter ones.
var ErrTooMuch = errors.New("mam: more than a page should have")

// These say why a message is not believed to come from an archive.
var (
	errUnasked = errors.New("mam: result of no open query")
	errTwo     = errors.New("mam: more than one result in a message")
	errNested  = errors.New("mam: result within a result")
	errSender  = errors.New("mam: message in another's archive that is not from there")
)

// A gathering is a query whose results are coming in.
type gathering struct {
	archive jid.JID // zero: our own
	most    int
	found   []item
	bytes   int
	fault   error
}

// An item is one place in an archive. m is nil where there is no message any more.
type item struct {
	Archived
	m *stanza.Message
}

// begin opens a query and returns its id.
func (a *Archive) begin(g *gathering) string {
	id := stanza.NewID()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[id] = g
	return id
}

// end closes a query: nothing that comes later counts.
func (a *Archive) end(id string) ([]item, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.open[id]
	delete(a.open, id)
	return g.found, g.fault
}

// unwrap takes results out of the stream (XEP-0313 §8.2): only those that come from the archive that
// was asked and name an open query are believed.
func (a *Archive) unwrap(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
	n := 0
	for e := range m.Payloads() {
		if e.Is(NS, "result") {
			n++
		}
	}
	if n == 0 {
		return m, nil
	}
	own := a.conn.User().Bare()
	r, err := stanza.Payload[result](m)
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.open[r.Query]
	switch {
	case g == nil || !g.from(m.From, own):
		return nil, errUnasked
	case n > 1:
		return nil, errTwo
	case err != nil:
		return nil, err
	}
	if g.bytes += m.Element().Size(); g.bytes > maxBytes || len(g.found) == g.most {
		g.fault, g.found = ErrTooMuch, nil
		return nil, nil
	}
	i, err := g.read(r, own)
	if err == nil {
		g.found = append(g.found, i)
	}
	return nil, err
}

// from tells whether an address may speak for the archive. Our own may leave it out.
func (g *gathering) from(from, own jid.JID) bool {
	if g.archive.IsZero() {
		return from.IsZero() || from == own
	}
	return from == g.archive
}

// read makes the message that was archived of a result.
func (g *gathering) read(r result, own jid.JID) (item, error) {
	i := item{Archived: Archived{By: g.archive, ID: r.ID, Time: r.Forwarded.Delay.Stamp}}
	inner := r.Forwarded.Message()
	if inner == nil {
		return i, nil
	}
	for e := range inner.Payloads() {
		if e.Is(NS, "result") {
			return i, errNested
		}
	}
	if i.By.IsZero() {
		i.By = own
	} else if inner.From.Bare() != g.archive {
		return i, fmt.Errorf("%w: %v in that of %v", errSender, inner.From, g.archive) // §6.1.2
	}
	i.m = inner.Clone()
	stanza.Mark[xmpp.Archived](i.m, i.Archived)
	return i, nil
}
