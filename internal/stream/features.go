package stream

import (
	"strconv"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/stanza"
)

// Features is what a server offers on the stream as it stands (RFC 6120 §4.3.2).
type Features struct {
	Element     stanza.Element // the whole <stream:features/>
	StartTLS    bool
	Mechanisms  []string // SASL (RFC 6120 §6.4.1), in the server's order
	Bindings    []string // channel-binding types (XEP-0440); nil: not announced
	Bind        bool
	Session     bool // RFC 3921 session establishment is required
	PreApproval bool // RFC 6121 §3.4
	RosterVer   bool // RFC 6121 §2.6
	MaxBytes    int  // XEP-0478: the largest stanza the server takes; 0: not said
	IdleSeconds int  // XEP-0478: silence after which it may close; 0: not said
	SASL2       SASL2
}

var noFeatures Features // is never changed

// SASL2 is what a server offers by XEP-0388, a second list beside that of RFC 6120.
type SASL2 struct {
	Mechanisms []string // none: not offered
	Tokens     []string // mechanisms of FAST (XEP-0484 §3.1)
	Resume     bool     // a session may be resumed along with it (XEP-0198 §9.2)
	Bind2      bool     // XEP-0386
	Inline     []string // the features that Bind 2 can enable (XEP-0386 §3.1)
}

func parseSASL2(e stanza.Element) (s SASL2) {
	s.Mechanisms = texts(e, NSSASL2, "mechanism")
	inline := e.Child(NSSASL2, "inline")
	s.Tokens = texts(inline.Child(NSFAST, "fast"), NSFAST, "mechanism")
	s.Resume = has(inline, sm.NS, "sm")
	bind := inline.Child(NSBind2, "bind")
	s.Bind2 = !bind.IsZero()
	for f := range bind.Child(NSBind2, "inline").Children() {
		if f.Is(NSBind2, "feature") && len(s.Inline) < maxOffered {
			s.Inline = append(s.Inline, f.Attr("var"))
		}
	}
	return s
}

// texts are those of the children of that name.
func texts(e stanza.Element, space, local string) (all []string) {
	for c := range e.Children() {
		if c.Is(space, local) && len(all) < maxOffered {
			all = append(all, c.Text())
		}
	}
	return all
}

// maxOffered bounds the lists that a server may make us keep (S032).
const maxOffered = 64

// ParseFeatures reads a <stream:features/>; what it doesn't know stays in Element.
func ParseFeatures(e stanza.Element) Features {
	f := Features{Element: e}
	f.StartTLS = has(e, NSTLS, "starttls")
	f.Bind = has(e, NSBind, "bind")
	f.PreApproval = has(e, "urn:xmpp:features:pre-approval", "sub")
	f.RosterVer = has(e, "urn:xmpp:features:rosterver", "ver")
	if s := e.Child(NSSess, "session"); !s.IsZero() {
		f.Session = !has(s, NSSess, "optional")
	}
	f.Mechanisms = texts(e.Child(NSSASL, "mechanisms"), NSSASL, "mechanism")
	f.SASL2 = parseSASL2(e.Child(NSSASL2, "authentication"))
	const cb = "urn:xmpp:sasl-cb:0"
	if types := e.Child(cb, "sasl-channel-binding"); !types.IsZero() {
		f.Bindings = []string{}
		for b := range types.Children() {
			if b.Is(cb, "channel-binding") && len(f.Bindings) < maxOffered {
				f.Bindings = append(f.Bindings, b.Attr("type"))
			}
		}
	}
	const limits = "urn:xmpp:stream-limits:0"
	l := e.Child(limits, "limits")
	f.MaxBytes = number(l.Child(limits, "max-bytes"))
	f.IdleSeconds = number(l.Child(limits, "idle-seconds"))
	return f
}

func has(e stanza.Element, space, local string) bool { return !e.Child(space, local).IsZero() }

// number reads a positive decimal, or 0: an odd limit is no limit.
func number(e stanza.Element) int {
	if e.IsZero() {
		return 0
	}
	n, err := strconv.Atoi(e.Text())
	if err != nil || n < 0 {
		return 0
	}
	return n
}
