package stream

import (
	"github.com/gosmack/xmpp/internal/xmlstream"
)

// A Tracer hands whole top-level elements and stream headers to a hook, secrets blanked.
// A nil Tracer does nothing.
type Tracer struct {
	Hook func(out bool, data []byte)
}

// secret names the elements whose text may not be shown, whatever their namespace.
var secret = map[string]bool{
	"auth": true, "response": true, "challenge": true, "success": true, "authenticate": true, "initial-response": true,
	"additional-data": true, "token": true, "handshake": true, "password": true, "header": true,
}

const blank = "[blanked]"

func (t *Tracer) in(e xmlstream.Element) {
	if t != nil {
		t.Hook(false, blanked(e, "jabber:client"))
	}
}

// out traces what we wrote; a header or an end tag is not an element and holds no secret.
func (t *Tracer) out(s string) {
	if t == nil {
		return
	}
	const all = 1 << 30 // the limits are for what others send
	e, err := xmlstream.Parse(s, xmlstream.Limits{StanzaBytes: all, Elements: all, Depth: all, Attributes: all, StartTagBytes: all})
	if err != nil {
		t.Hook(true, []byte(s))
		return
	}
	t.Hook(true, blanked(e, ""))
}

// blanked writes an element where outer is the default namespace: what was written was parsed out
// of its stream.
func blanked(e xmlstream.Element, outer string) []byte {
	var w xmlstream.Writer
	w.Reset(nil, outer)
	blankInto(&w, e)
	return w.Bytes()
}

func blankInto(w *xmlstream.Writer, e xmlstream.Element) {
	w.Start(e.Space(), e.Local())
	for n, v := range e.Attrs() {
		switch {
		case n.Local == "previd", n.Local == "token", n.Local == "id" && (e.Local() == "enabled" || e.Local() == "user-agent"):
			v = blank
		}
		if n.Space == "" {
			w.Attr(n.Local, v)
		} else {
			w.AttrNS(n.Space, n.Local, v)
		}
	}
	hide := secret[e.Local()]
	for n := range e.Nodes() {
		switch {
		case !n.Element.IsZero():
			blankInto(w, n.Element)
		case hide:
			w.Text(blank)
		default:
			w.Text(n.Text)
		}
	}
	w.End()
}
