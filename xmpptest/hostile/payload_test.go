package hostile_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xep/csi"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/forms"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xep/stanzaid"
	"github.com/gosmack/xmpp/xep/version"
	"github.com/gosmack/xmpp/xmpptest"
)

// typed has one field of each kind that can be wrong.
type typed struct {
	XMLName xml.Name  `xml:"urn:example:typed typed"`
	Number  int       `xml:"number,attr"`
	Address jid.JID   `xml:"address,attr"`
	Time    time.Time `xml:"time,attr"`
	Inner   struct {
		Count uint8 `xml:"count"`
	} `xml:"inner"`
}

const goodTyped = "number='7' address='juliet@localhost' time='2020-01-02T03:04:05Z'><inner><count>3</count></inner></typed>"

func typedRequest(inside string) string {
	return "<iq type='get' id='1' from='" + contactFull + "'><typed xmlns='urn:example:typed' " + inside + "</iq>"
}

// damaged are requests whose payload can't be read.
func damaged(list map[string]string) []scene {
	var all []scene
	for name, inside := range list {
		all = append(all, ignore{
			name: name, send: typedRequest(inside), answers: []stanza.Condition{stanza.BadRequest}, twin: typedRequest(goodTyped), shows: "typed 7",
			prepare: func(s *session) {
				s.Handle(xmpp.OnGet(func(_ context.Context, q typed, _ *stanza.IQ) (any, error) {
					s.heard.add(fmt.Sprintf("typed %d", q.Number))
					return nil, nil
				}))
			},
		}.scene())
	}
	return all
}

// everything attaches every extension, and a listener that reads every payload of a message.
func everything(s *session) {
	carbons.Enable(s.Connection)
	mam.New(s.Connection, &mam.Options{Sync: true})
	disco.New(s.Connection, &disco.Options{Everybody: true})
	version.Handle(s.Connection, &version.Options{Everybody: true})
	forward.Handle(s.Connection)
	csi.New(s.Connection)
	s.OnMessage(func(_ context.Context, m *stanza.Message) { readAll(m) })
	s.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) { readAll(p) })
}

// readAll reads a stanza as everything that is known. What of it fails is of no importance: it must not cost more than that.
func readAll(s stanza.Stanza) {
	_, _ = stanza.Payload[forms.Form](s)
	_, _ = stanza.Payload[rsm.Request](s)
	_, _ = stanza.Payload[rsm.Result](s)
	_, _ = stanza.Payload[stanzaid.OriginID](s)
	_, _ = stanza.Payload[mam.Metadata](s)
	_, _ = stanza.Payload[typed](s)
	_, _ = stanza.Payload[disco.Entity](s)
	_, _ = delay.By(s)
	_, _ = stanzaid.Find(s, jid.MustParse(own))
	if f, err := stanza.Payload[forward.Forwarded](s); err == nil && f.Message() != nil {
		readAll(f.Message())
	}
	_ = stanza.Check(s)
}

// known is a stanza of every kind that is known.
var known = []string{
	"<message from='juliet@localhost/chamber' to='romeo@localhost' id='m' type='chat' xml:lang='en'><subject>s</subject><body>b</body><body xml:lang='de'>c</body><thread parent='p'>t</thread>" +
		"<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'>late</delay><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@localhost' id='s'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>",
	"<message from='juliet@localhost/chamber' id='m' type='error'><body>b</body><error type='cancel' by='localhost'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:x@y</gone><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>t</text><x xmlns='urn:x'/></error></message>",
	"<message from='romeo@localhost'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/><message xmlns='jabber:client' from='juliet@localhost/chamber' to='romeo@localhost/other' type='chat'><body>b</body></message></forwarded></received></message>",
	"<message from='romeo@localhost'><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@localhost/other' to='juliet@localhost/chamber' type='chat'><body>b</body></message></forwarded></sent></message>",
	"<message from='romeo@localhost'><result xmlns='urn:xmpp:mam:2' queryid='q' id='1'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/><message xmlns='jabber:client' from='juliet@localhost/chamber'><body>b</body></message></forwarded></result></message>",
	"<message from='juliet@localhost/chamber'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/><message xmlns='jabber:client' from='x@y'><body>b</body></message></forwarded></message>",
	"<message from='juliet@localhost/chamber'><x xmlns='jabber:x:data' type='form'><title>t</title><instructions>i</instructions><field var='v' type='list-single' label='l'><required/><desc>d</desc><value>1</value><option label='o'><value>1</value></option><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:integer'><range min='1' max='2'/></validate></field>" +
		"<reported><field var='r' type='jid-single'/></reported><item><field var='r'><value>a@b</value></field></item></x></message>",
	"<presence from='juliet@localhost/chamber' to='romeo@localhost' type='unavailable'><show>away</show><status>s</status><priority>1</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>",
	"<presence from='juliet@localhost/chamber'><show>dnd</show><status xml:lang='en'>s</status><priority>-128</priority></presence>",
	"<presence from='nurse@localhost' type='subscribe'><status>please</status></presence>",
	"<presence from='nurse@localhost' type='subscribed'/>",
	"<presence from='nurse@localhost' type='error' id='p'><error type='wait' code='404'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
	"<iq type='set' id='r' from='romeo@localhost'><query xmlns='jabber:iq:roster' ver='v'><item jid='nurse@localhost' name='n' subscription='both' ask='subscribe' approved='true'><group>g</group></item></query></iq>",
	"<iq type='get' id='d' from='juliet@localhost/chamber'><query xmlns='http://jabber.org/protocol/disco#info' node='n'/></iq>",
	"<iq type='get' id='i' from='juliet@localhost/chamber'><query xmlns='http://jabber.org/protocol/disco#items' node='n'/></iq>",
	"<iq type='get' id='v' from='juliet@localhost/chamber'><query xmlns='jabber:iq:version'/></iq>",
	"<iq type='get' id='p' from='juliet@localhost/chamber'><ping xmlns='urn:xmpp:ping'/></iq>",
	"<iq type='get' id='t' from='juliet@localhost/chamber'><typed xmlns='urn:example:typed' " + goodTyped + "</iq>",
	"<iq type='result' id='x' from='juliet@localhost/chamber'><query xmlns='jabber:iq:version'><name>n</name></query></iq>",
	"<iq type='error' id='x' from='juliet@localhost/chamber'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
}

// mutants are an element with one thing less, or one thing that is wrong, each in turn.
func mutants(e stanza.Element) []string {
	whole := treeOf(e)
	var all []string
	whole.each(func(n *tree) {
		for i, a := range n.attrs {
			for _, value := range []string{"", "@@", "-1", "99999999999999999999", "é\u202e"} {
				n.attrs[i].value = value
				all = append(all, whole.String())
			}
			n.attrs = slices.Delete(slices.Clone(n.attrs), i, i+1)
			all = append(all, whole.String())
			n.attrs = slices.Insert(n.attrs, i, a)
		}
		for i, c := range n.children {
			n.children = slices.Delete(slices.Clone(n.children), i, i+1)
			all = append(all, whole.String())
			n.children = slices.Insert(n.children, i, c, c) // and twice
			all = append(all, whole.String())
			n.children = slices.Delete(n.children, i, i+1)
		}
		if n.text != "" {
			text := n.text
			for _, n.text = range []string{"", "\n", "no number", strings.Repeat("x", 5000)} {
				all = append(all, whole.String())
			}
			n.text = text
		}
		space, children := n.space, n.children
		n.space = "urn:wrong"
		all = append(all, whole.String())
		n.space, n.children = space, []*tree{{space: n.space, local: n.local, children: children}}
		all = append(all, whole.String())
		n.space, n.children = space, children
	})
	return all
}

// A tree is an element that can be changed.
type tree struct {
	space, local string
	attrs        []attr
	children     []*tree
	text         string
}

type attr struct{ name, value string }

func treeOf(e stanza.Element) *tree {
	t := &tree{space: e.Space(), local: e.Local()}
	for name, value := range e.Attrs() {
		n := name.Local
		if name.Space != "" {
			n = "xml:" + n
		}
		t.attrs = append(t.attrs, attr{n, value})
	}
	for c := range e.Children() {
		t.children = append(t.children, treeOf(c))
	}
	if len(t.children) == 0 {
		t.text = e.Text()
	}
	return t
}

func (t *tree) each(f func(*tree)) {
	for _, c := range slices.Clone(t.children) {
		c.each(f)
	}
	f(t)
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", "'", "&#39;", ">", "&gt;").Replace

func (t *tree) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<%s xmlns='%s'", t.local, t.space)
	for _, a := range t.attrs {
		fmt.Fprintf(&b, " %s='%s'", a.name, escape(a.value))
	}
	b.WriteString(">" + escape(t.text))
	for _, c := range t.children {
		b.WriteString(c.String())
	}
	b.WriteString("</" + t.local + ">")
	return b.String()
}

// survives sends mutants to a client that has every extension. Each request is answered once, and the next message is heard.
func survives(t *testing.T) error {
	return meet(t, nil, nil, everything, func(s *session) error {
		n := 0
		for _, text := range known {
			e, err := stanza.Parse(strings.Replace(text, " ", " xmlns='jabber:client' ", 1))
			if err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
			for i, m := range append([]string{e.String()}, mutants(e)...) {
				if few() && i%7 != 0 {
					continue
				}
				if err := s.survive(m, n); err != nil {
					return fmt.Errorf("%s: %w", m, err)
				}
				n++
			}
		}
		for _, err := range s.fails.list() {
			if bad := brief(err); bad != nil {
				return fmt.Errorf("what OnError was told: %w", bad)
			}
		}
		note(t, "%d stanzas, each of a known one with one thing missing or wrong", n)
		return nil
	})
}

// survive sends one stanza and a marker.
func (s *session) survive(data string, n int) error {
	e, err := stanza.Parse(data)
	if err != nil {
		return err
	}
	marker := fmt.Sprintf("marker %d", n)
	before := s.mark()
	s.say(data)
	got, err := s.since(before)
	if err != nil {
		return err
	}
	answers := 0
	for _, w := range got.wrote {
		if w.Is(stanza.NS, "iq") && w.Attr("id") == e.Attr("id") && (w.Attr("type") == "result" || w.Attr("type") == "error") {
			answers++
		}
	}
	typ := e.Attr("type")
	isRequest := e.Is(stanza.NS, "iq") && (typ == "get" || typ == "set")
	if _, bad := jid.Parse(e.Attr("from")); bad != nil && e.Attr("from") != "" || e.Attr("id") == "" {
		isRequest = false // there is nobody to answer, or nothing that an answer could name
	}
	switch {
	case isRequest && answers != 1, !isRequest && answers > 0:
		return fmt.Errorf("%d answers: %v", answers, got.wrote)
	case s.State() != xmpp.Online:
		return fmt.Errorf("it is %v: %w", s.State(), s.Err())
	}
	before = s.mark()
	s.say("<message from='" + contactFull + "' type='chat'><body>" + marker + "</body></message>")
	if got, err := s.since(before); err != nil || !strings.Contains(strings.Join(got.heard, ""), marker) {
		return errors.Join(err, fmt.Errorf("behind it came %v", got))
	}
	return nil
}

// answered asks for everything that can be asked, and gets a mutant of each answer.
func answered(t *testing.T) error {
	peer := jid.MustParse("service.localhost")
	return meet(t, nil, func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = time.Second }, nil, func(s *session) error {
		ctx, n := t.Context(), 0
		s.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element { return nil }) // nobody answers but this test
		for _, q := range []struct {
			answer string
			ask    func() error
		}{
			{"<query xmlns='http://jabber.org/protocol/disco#info' node='n'><identity category='client' type='bot' name='n' xml:lang='en'/><feature var='urn:x'/><x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:x</value></field></x></query>",
				func() error { return second(disco.Info(ctx, s.Connection, peer, "")) }},
			{"<query xmlns='http://jabber.org/protocol/disco#items'><item jid='a@b' node='n' name='x'/></query>", func() (err error) {
				for _, err = range disco.Items(ctx, s.Connection, peer, "") {
				}
				return err
			}},
			{"<query xmlns='jabber:iq:version'><name>n</name><version>v</version><os>o</os></query>", func() error { return second(version.Get(ctx, s.Connection, peer)) }},
			{"<ping xmlns='urn:xmpp:ping'/>", func() error { return second(ping.Ping(ctx, s.Connection, peer)) }},
			{"<typed xmlns='urn:example:typed' " + goodTyped, func() error { return s.Get(ctx, peer, probe{}, new(typed)) }},
			{"<metadata xmlns='urn:xmpp:mam:2'><start id='1' timestamp='2020-01-02T03:04:05Z'/><end id='2' timestamp='2020-01-02T03:04:05Z'/></metadata>", func() error {
				return s.Get(ctx, peer, probe{}, new(mam.Metadata))
			}},
			{"<prefs xmlns='urn:xmpp:mam:2' default='always'><always><jid>a@b</jid></always><never><jid>c@d</jid></never></prefs>", func() error { return s.Get(ctx, peer, probe{}, new(mam.Preferences)) }},
		} {
			e, err := stanza.Parse("<iq xmlns='jabber:client' type='result'>" + q.answer + "</iq>")
			if err != nil {
				return err
			}
			for _, m := range append([]string{e.String()}, mutants(e)...) {
				before := len(s.conn.Log())
				done := make(chan error, 1)
				go func() { done <- q.ask() }()
				synctest.Wait()
				id := ""
				for w := range parsed(s.conn.Log()[before:]) {
					id = w.Attr("id")
				}
				s.say(strings.Replace(m, "<iq ", "<iq id='"+id+"' from='service.localhost' ", 1))
				first := <-done // an error or none, but an end
				if m == e.String() && first != nil {
					return fmt.Errorf("%s: %w", m, first)
				}
				if err := s.survive("<message xmlns='jabber:client'/>", n); err != nil {
					return fmt.Errorf("%s: %w", m, err)
				}
				n++
			}
		}
		note(t, "%d answers, each of a known one with one thing missing or wrong", n)
		return nil
	})
}

var _ = add(
	row{id: "S095", title: "A payload that can't be read", oracle: ignoreRow, also: "TestRosterWithBadItems stanza.TestBadPayloadStaysInItsStanza", scenes: slices.Concat(
		damaged(map[string]string{
			"a number":          strings.Replace(goodTyped, "'7'", "'seven'", 1),
			"too large":         strings.Replace(goodTyped, "'7'", "'99999999999999999999'", 1),
			"too large, deeper": strings.Replace(goodTyped, ">3<", ">256<", 1),
			"an address":        strings.Replace(goodTyped, "'juliet@localhost'", "'@@'", 1),
			"a time":            strings.Replace(goodTyped, "'2020-01-02T03:04:05Z'", "'yesterday'", 1),
		}),
		ignores(
			ignore{name: "a time in a message", send: chat + "<delay xmlns='urn:xmpp:delay' stamp='yesterday'/></message>", hears: "outer", prepare: everything, twin: hello, shows: "hello"},
			ignore{name: "an id in a message", send: chat + "<stanza-id xmlns='urn:xmpp:sid:0' by='@@'/></message>", hears: "outer", prepare: everything, twin: hello, shows: "hello"},
			ignore{name: "an error in a message", send: "<message type='error' from='" + contactFull + "'><error type='x'/></message>", hearsAny: "message error", prepare: everything, twin: hello, shows: "hello"},
			ignore{name: "two contacts in a push", send: "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='a@b'/><item jid='c@d'/></query></iq>", answers: []stanza.Condition{stanza.BadRequest}, twin: hello, shows: "hello"},
			ignore{name: "a contact that is none", send: "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='@@'/></query></iq>", answers: []stanza.Condition{stanza.BadRequest}, twin: hello, shows: "hello"},
			ignore{name: "a request with no payload", send: "<iq type='get' id='p' from='" + contactFull + "'/>", answers: []stanza.Condition{stanza.BadRequest}, twin: hello, shows: "hello"},
			ignore{name: "a request with text for a payload", send: "<iq type='get' id='p' from='" + contactFull + "'>ping</iq>", answers: []stanza.Condition{stanza.BadRequest}, twin: hello, shows: "hello"},
		),
	)},
	row{id: "S096", title: "Mandatory parts are missing", oracle: ignoreRow, also: "stanza.TestMissingParts", scenes: []scene{
		{name: "in what is sent to us", play: survives},
		{name: "in what answers us", play: answered},
	}},
)
