package xmpptest

import (
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsClient       = "jabber:client"
	nsStanzaErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"
)

// build returns what f writes, or nothing if that can't be XML: then a client
// sent something that the server may not repeat, and nobody gets it.
func build(f func(w *xmlstream.Writer)) []byte {
	var w xmlstream.Writer
	w.Reset(nil, nsClient)
	f(&w)
	if w.Err() != nil {
		return nil
	}
	return w.Bytes()
}

// start opens an element with attributes, given as name and value in turn; an
// empty value leaves its attribute out.
func start(w *xmlstream.Writer, space, local string, attrs ...string) {
	w.Start(space, local)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.Attr(attrs[i], attrs[i+1])
		}
	}
}

// readdress returns a stanza with these addresses in place of its own; an
// empty one leaves the attribute out. What extra writes follows the content.
func readdress(e xmlstream.Element, from, to string, extra func(*xmlstream.Writer)) []byte {
	return rewrite(e, from, to, nil, extra)
}

// rewrite is readdress that also leaves out the children that omit names.
func rewrite(e xmlstream.Element, from, to string, omit func(xmlstream.Element) bool, extra func(*xmlstream.Writer)) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, e.Local(), "from", from, "to", to)
		for name, value := range e.Attrs() {
			if name.Space == "" && (name.Local == "from" || name.Local == "to") {
				continue
			}
			w.AttrNS(name.Space, name.Local, value)
		}
		for n := range e.Nodes() {
			switch {
			case n.Element.IsZero():
				w.Text(n.Text)
			case omit == nil || !omit(n.Element):
				w.Element(n.Element)
			}
		}
		if extra != nil {
			extra(w)
		}
		w.End()
	})
}

// empty returns a stanza that is nothing but its addresses and type.
func empty(local, kind string, from, to jid.JID) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, local, "from", from.String(), "to", to.String(), "type", kind)
		w.End()
	})
}

// errorFor answers a stanza with an error, RFC 6120 §8.3.
func errorFor(e xmlstream.Element, from, to string, condition stanza.Condition) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, e.Local(), "from", from, "to", to, "id", e.Attr("id"), "type", "error")
		start(w, nsClient, "error", "type", string(condition.Type()))
		w.Start(nsStanzaErrors, string(condition))
		w.End()
		w.End()
		w.End()
	})
}

// result answers a request with what content writes.
func result(e xmlstream.Element, to jid.JID, content func(*xmlstream.Writer)) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, "iq", "from", e.Attr("to"), "to", to.String(), "id", e.Attr("id"), "type", "result")
		if content != nil {
			content(w)
		}
		w.End()
	})
}
