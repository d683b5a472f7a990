package disco

import (
	"context"
	"slices"
	"sync"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Options say what we are, and who may know.
type Options struct {
	// Identities are what we are, from the registry of categories and types.
	// None: a client of type bot. A program for people would say client and
	// pc, phone, web or console.
	Identities []Identity
	// Forms are extended information (XEP-0128), elements of jabber:x:data.
	Forms []stanza.Element
	// Everybody may ask. False: only our own account, its server and contacts
	// with a subscription to our presence; others get service-unavailable.
	Everybody bool
}

// Disco answers service discovery for one connection. Its methods may be called
// from any goroutine and don't block.
type Disco struct {
	conn      *xmpp.Connection
	everybody bool

	mu         sync.Mutex // guards what follows
	started    bool       // a session has begun: what we are stays as it is
	identities []Identity
	forms      []stanza.Element
	nodes      map[string]Node
}

// New attaches service discovery to the connection. Nil options mean the zero
// value. It panics where [xmpp.Connection.Use] does: after the first Connect,
// and when called twice.
func New(conn *xmpp.Connection, options *Options) *Disco {
	var o Options
	if options != nil {
		o = *options
	}
	d := &Disco{conn: conn, everybody: o.Everybody, nodes: make(map[string]Node)}
	d.identities, d.forms = slices.Clone(o.Identities), slices.Clone(o.Forms)
	if len(d.identities) == 0 {
		d.identities = []Identity{{Category: "client", Type: "bot"}}
	}
	conn.Use(xmpp.Extension{
		Name:     "disco",
		Features: []string{NSInfo, NSItems},
		IQ:       []xmpp.IQHandler{xmpp.OnGet(d.info), xmpp.OnGet(d.items)},
		Start:    d.start,
	})
	return d
}

// start ends the time of adding: what is announced to the first session, by hash
// too (XEP-0115), holds for all.
func (d *Disco) start(context.Context, *xmpp.Session) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = true
	return nil
}

// AddIdentity says that we are this too. It panics after the first login.
func (d *Disco) AddIdentity(i Identity) {
	d.add(func() { d.identities = append(d.identities, i) })
}

// AddForm adds extended information, an element of jabber:x:data of type result
// (XEP-0128). It panics after the first login.
func (d *Disco) AddForm(form stanza.Element) {
	d.add(func() { d.forms = append(d.forms, form) })
}

func (d *Disco) add(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started {
		panic("disco: an identity or form is added after the first login: add them when the extension is made")
	}
	change()
}

// Self is what is answered about us, with features sorted.
func (d *Disco) Self() Entity {
	features := slices.Collect(d.conn.Features())
	d.mu.Lock()
	defer d.mu.Unlock()
	return Entity{Identities: slices.Clone(d.identities), Features: features, Forms: slices.Clone(d.forms)}
}

// info answers requests for what we are and can (XEP-0030 §3).
func (d *Disco) info(ctx context.Context, q Entity, iq *stanza.IQ) (any, error) {
	if !d.mayAsk(iq.From) {
		return nil, stanza.ServiceUnavailable
	}
	if q.Node == "" {
		return d.Self(), nil
	}
	node, ok := d.node(q.Node)
	if !ok {
		return nil, stanza.ItemNotFound
	}
	e, err := node.describe(ctx, iq.From)
	e.Node = q.Node // XEP-0030 §3.2: mirrored
	return e, err
}

// items answers requests for what belongs to us (XEP-0030 §4): by nodes alone.
func (d *Disco) items(ctx context.Context, q ItemList, iq *stanza.IQ) (any, error) {
	if !d.mayAsk(iq.From) {
		return nil, stanza.ServiceUnavailable
	}
	list := ItemList{Node: q.Node}
	if q.Node == "" {
		return list, nil
	}
	node, ok := d.node(q.Node)
	if !ok {
		return nil, stanza.ItemNotFound
	}
	var err error
	if node.Items != nil {
		list.Items, err = node.Items(ctx, iq.From)
	}
	return list, err
}

// mayAsk tells whether who may know that we are online.
func (d *Disco) mayAsk(who jid.JID) bool { return d.everybody || d.conn.Roster().SeesUs(who) }
