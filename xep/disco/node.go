package disco

import (
	"context"

	"github.com/gosmack/xmpp/jid"
)

// A Node is something of ours that has no address of its own (XEP-0030 §4.2),
// such as the list of commands. Its functions run as IQ handlers do, see
// [xmpp.OnGet]; the errors they return are answered likewise.
type Node struct {
	// Name is the node identifier. What it looks like is up to the protocol
	// that uses it.
	Name string
	// Info says what the node is, to who asks. Nil: a branch of a hierarchy if
	// there are Items, else a leaf.
	Info func(ctx context.Context, asker jid.JID) (Entity, error)
	// Items says what belongs to it. Nil: nothing.
	Items func(ctx context.Context, asker jid.JID) ([]Item, error)
}

// AddNode makes requests for a node be answered, at any time, until remove is
// called. It panics if the node has no name or there is one of its name: both
// are mistakes of the program.
func (d *Disco) AddNode(n Node) (remove func()) {
	if n.Name == "" {
		panic("disco: a node without a name")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, taken := d.nodes[n.Name]; taken {
		panic("disco: a second node " + n.Name)
	}
	d.nodes[n.Name] = n
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.nodes, n.Name)
	}
}

func (d *Disco) node(name string) (Node, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.nodes[name]
	return n, ok
}

func (n *Node) describe(ctx context.Context, asker jid.JID) (Entity, error) {
	if n.Info != nil {
		return n.Info(ctx, asker)
	}
	kind := "leaf"
	if n.Items != nil {
		kind = "branch"
	}
	return Entity{Identities: []Identity{{Category: "hierarchy", Type: kind}}, Features: []string{NSInfo, NSItems}}, nil
}
