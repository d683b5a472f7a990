package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// openly logs in without TLS and with little computing, for rows that are about XML alone and end many connections.
var (
	openly    = both(inClear, plain, func(cfg *xmpp.ConnectionConfiguration) { cfg.AllowPlainInClear = true }, unmanaged)
	openHouse = &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}}
)

// bad is XML that must end the stream, with what it is called for.
func bad(condition stanza.StreamCondition, list ...string) []scene {
	var all []scene
	for _, data := range list {
		name := short(fmt.Sprintf("%q", data))
		all = append(all,
			abort{name: name + " before the login", trap: clear(header + data), says: condition, step: "stream"}.scene(),
			abort{name: name + " online", trap: online(data + request), says: condition, online: true, returns: streamLost, with: openly, options: openHouse}.scene())
	}
	return all
}

// badHeader is what must end the stream in place of a header, or within it.
func badHeader(condition stanza.StreamCondition, list ...string) []scene {
	var all []scene
	for _, data := range list {
		all = append(all,
			abort{name: short(fmt.Sprintf("%q", data)) + " in clear", trap: clear(data), says: condition, step: "stream"}.scene(),
			abort{name: short(fmt.Sprintf("%q", data)) + " behind TLS", trap: headed(data), says: condition, step: "stream"}.scene())
	}
	return all
}

// opening is the header without its last character, and inHeader has something in it.
var opening = strings.TrimSuffix(header, ">")

func inHeader(attribute string) string { return opening + " " + attribute + ">" }

const (
	laughs    = "<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
	beginning = "<?xml version='1.0'?>"
)

var rest = strings.TrimPrefix(header, beginning)

// S070 to S077: XML that RFC 6120 §11 forbids.
var _ = add(
	row{id: "S070", title: "DOCTYPE, entity declarations, endless expansion", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamRestrictedXML, laughs+rest, "<!DOCTYPE s SYSTEM 'http://evil.example/'>"+rest),
		badHeader(stanza.StreamNotWellFormed, opening+" <!DOCTYPE s>>"),
		bad(stanza.StreamRestrictedXML, "<!DOCTYPE a [<!ENTITY a 'b'>]>", "<message><!DOCTYPE a></message>", "<!ENTITY a 'b'>", "<message><body><!ENTITY a 'b'></body></message>"),
	)},
	row{id: "S071", title: "Entities that XML doesn't have", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamNotWellFormed, inHeader("x='&nbsp;'")),
		bad(stanza.StreamNotWellFormed, "<message><body>&nbsp;</body></message>", "<message><body>&foo;</body></message>", "<message id='&foo;'/>", "<message><body>a & b</body></message>", "<message><body>&AMP;</body></message>"),
	)},
	row{id: "S072", title: "Processing instructions and comments", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamRestrictedXML, beginning+"<?evil?>"+rest, beginning+"<!-- -->"+rest),
		bad(stanza.StreamRestrictedXML, "<message><body>a<!-- -->b</body></message>", "<!-- -->", "<?evil?>", "<message><?evil?></message>", "<?xml version='1.0'?>"),
	)},
	row{id: "S074", title: "Bytes that are no UTF-8", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamUnsupportedEncoding, inHeader("x='\xc0\xbc'")),
		bad(stanza.StreamUnsupportedEncoding, "<message><body>\xc0\xbciq></body></message>", "<message><body>\xed\xa0\x80</body></message>", "<message><body>\xf4\x90\x80\x80</body></message>",
			"<message><body>\xe2\x82</body></message>", "<message id='\xc0\xbc'/>", "<message\xc0\xbc/>", "<message id\xe2\x82='x'/>", "<message\xe2\x82>", "<message><body>\xff</body></message>"),
	)},
	row{id: "S075", title: "Characters that XML doesn't have, raw and as references", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamNotWellFormed, inHeader("x='&#1;'")),
		bad(stanza.StreamNotWellFormed, "<message><body>\x00</body></message>", "<message><body>\x01</body></message>", "<message id='\x1b'/>", "<message><body>\ufffe</body></message>", "\x00",
			"<message><body>&#1;</body></message>", "<message><body>&#xD800;</body></message>", "<message><body>&#xFFFE;</body></message>", "<message id='&#0;'/>", "<message><body>&#x110000;</body></message>", "<message><body>&#x100000041;</body></message>"),
	)},
	row{id: "S076", title: "Prefixes that nobody declared", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamBadNamespacePrefix, inHeader("x:y='1'"), inHeader("xmlns:x=''")),
		bad(stanza.StreamBadNamespacePrefix, "<x:y/>", "<message x:b='1'/>", "<message><x:y/></message>", "<message><a xmlns:x='urn:x'/><x:y/></message>", "<message xmlns:xml='urn:x'/>", "<message xmlns:p='http://www.w3.org/2000/xmlns/'/>"),
		bad(stanza.StreamNotWellFormed, "<:b/>", "<b:/>", "<a:b:c/>"),
	)},
	row{id: "S077", title: "Two attributes of one name", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		badHeader(stanza.StreamNotWellFormed, inHeader("id='2'"), inHeader("xmlns='urn:x'")),
		bad(stanza.StreamNotWellFormed, "<iq id='1' id='2'/>", "<message from='juliet@localhost' from='romeo@localhost'/>", "<a xmlns:p='urn:x' xmlns:q='urn:x' p:x='1' q:x='2'/>", "<a xmlns='urn:x' xmlns='urn:y'/>"),
	)},
	row{id: "S077a", title: "Tags and texts that don't fit", oracle: abortRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		bad(stanza.StreamNotWellFormed, "<message></iq>", "<message><body></message></body>", "</message>", "</stream>", "<message></stream:stream>", "<message id='1'type='chat'/>", "<message id='<'/>", "<message><body>]]></body></message>", "<![CDATA[x]]>"),
		bad(stanza.StreamBadFormat, "hello"),
	)},
	row{id: "S090", title: "Other encodings and versions of XML", oracle: abortRow, also: "internal/xmlstream.TestHeader", scenes: slices.Concat(
		badHeader(stanza.StreamUnsupportedEncoding, "<?xml version='1.0' encoding='ISO-8859-1'?>"+rest, "<?xml version='1.0' encoding='UTF-16'?>"+rest, "\xff\xfe<\x00?\x00", "\xfe\xff\x00<\x00?"),
		badHeader(stanza.StreamNotWellFormed, "<?xml version='1.1'?>"+rest, "<?xml encoding='UTF-8'?>"+rest),
		accepted(
			login{name: "twin: a mark of the byte order", with: both(openly, quiet), options: openHouse, script: begins("\ufeff" + header)},
			login{name: "twin: utf-8", with: both(openly, quiet), options: openHouse, script: begins("<?xml version='1.0' encoding='utf-8'?>" + rest)},
			login{name: "twin: no declaration", with: both(openly, quiet), options: openHouse, script: begins(rest)},
		),
	)},
	row{id: "S089", title: "Something behind the end of the stream", oracle: abortRow, scenes: aborts(
		abort{name: "a request", trap: online("</stream:stream>" + request), err: text("the server ended the stream"), online: true, returns: streamLost, with: openly, options: openHouse},
		abort{name: "another stream", trap: online("</stream:stream>" + header + request), err: text("the server ended the stream"), online: true, returns: streamLost, with: openly, options: openHouse},
		abort{name: "an error of the stream, and a request", trap: online("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>" + request), err: is(stanza.StreamReset), online: true, returns: streamLost, with: openly, options: openHouse},
		abort{name: "before the login", trap: secured("</stream:stream>" + offer(sha)), err: is(io.EOF), step: "stream"},
	)},
)

// begins opens the stream with this, and is a server that has logged its client in soon.
func begins(open string) func(*xmpptest.ScriptConn) error {
	return func(c *xmpptest.ScriptConn) error {
		err := errors.Join(second(c.Header()), c.Send(open+offer("PLAIN")), second(c.Expect("auth")), c.Send("<success xmlns='"+nsSASL+"'/>"))
		c.Restart()
		err = errors.Join(err, second(c.Header()), c.Send(open+"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
		iq, e := c.Expect("xmpp-bind")
		return errors.Join(err, e, c.Send("<iq type='result' id='"+iq.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind></iq>"), c.ExpectEnd(""))
	}
}

const (
	chat   = "<message from='" + contactFull + "' type='chat'><body>outer</body>"
	mother = "<query xmlns='jabber:iq:roster'><item jid='mallory@evil.example' name='Mum' subscription='both'/></query>"
	// mothers is another one for each %d.
	mothers = "<query xmlns='jabber:iq:roster'><item jid='mallory%d@evil.example' name='Mum' subscription='both'/></query>"
)

var (
	pushed    = "<iq xmlns='jabber:client' type='set' id='1'>" + mothers + "</iq>"
	inContent = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
)

// S079 to S097: what looks like something else, and what is broken within a stanza.
var _ = add(
	row{id: "S079", title: "Namespaces that look like others when they are joined to a name", oracle: ignoreRow, also: "internal/xmlstream.TestNamesAreNotJoined", scenes: ignores(
		ignore{name: "a brace", send: "<iq xmlns='jabber:client}iq' type='set' id='1'>" + mother + "</iq>", twin: pushed, shows: "roster added mallory%d"},
		ignore{name: "a brace in front", send: "<message xmlns='{jabber:client'><body>x</body></message>", twin: "<message xmlns='jabber:client'><body>x</body></message>", shows: "message normal"},
		ignore{name: "a blank", send: "<iq xmlns='jabber:client ' type='set' id='1'>" + mother + "</iq>", twin: pushed, shows: "roster added mallory%d"},
		ignore{name: "a newline", send: "<message xmlns='jabber:client&#10;'><body>x</body></message>", twin: "<message xmlns='jabber:client'><body>x</body></message>", shows: "message normal"},
		ignore{name: "other letters", send: "<message xmlns='JABBER:CLIENT'><body>x</body></message>", twin: "<message xmlns='jabber:client'><body>x</body></message>", shows: "message normal"},
		ignore{name: "in a payload", send: "<iq type='set' id='1'>" + strings.Replace(mother, "jabber:iq:roster", "jabber:iq:roster ", 1) + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable},
			twin: "<iq type='set' id='1'>" + strings.Replace(mothers, "jabber:iq:roster", "jabber:iq:&#x72;oster", 1) + "</iq>", shows: "roster added mallory%d"},
	)},
	row{id: "S080", title: "A stanza within a stanza", oracle: ignoreRow, also: "internal/xmlstream.TestRefused", scenes: slices.Concat(
		ignores(
			ignore{name: "a stream and a roster push", send: chat + "<stream:stream/><iq type='set' id='1'>" + mother + "</iq></message>", hears: "outer", twin: chat + "</message>" + pushed, shows: "roster added mallory%d", showsToo: []string{"outer"}},
			ignore{name: "a success of SASL", send: chat + "<success xmlns='" + nsSASL + "'/></message>", hears: "outer", twin: chat + "</message><success xmlns='" + nsSASL + "'/>", shows: "outer"},
			ignore{name: "a message", send: chat + "<message from='nurse@localhost'><body>inner</body></message></message>", hears: "outer", twin: chat + "</message><message from='nurse@localhost'><body>inner</body></message>", shows: "inner", showsToo: []string{"outer"}},
			ignore{name: "features and STARTTLS", send: chat + "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></message>", hears: "outer", twin: chat + "</message>", shows: "outer"},
			ignore{name: "an error of the stream", send: chat + inContent + "</message>", hears: "outer", twin: chat + "</message>", shows: "outer"},
			ignore{name: "in a presence", send: "<presence from='" + stranger + "' type='probe'><iq type='set' id='1'>" + mother + "</iq></presence>", hearsAny: "presence probe", twin: "<presence from='" + stranger + "' type='probe'/>" + pushed, shows: "roster added mallory%d"},
			ignore{name: "in a request", send: "<iq type='get' id='1' from='" + contactFull + "'><x xmlns='urn:x'><iq type='set' id='2'>" + mother + "</iq></x></iq>", answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: "<iq type='get' id='1' from='" + contactFull + "'><x xmlns='urn:x'/></iq>" + pushed, shows: "roster added mallory%d"},
			ignore{name: "two payloads in a request", send: "<iq type='set' id='1'><x xmlns='urn:x'/>" + mother + "</iq>", answers: []stanza.Condition{stanza.BadRequest}, twin: pushed, shows: "roster added mallory%d"},
		),
		aborts(abort{name: "twin: an error of the stream that is one", trap: online(chat + "</message>" + inContent), err: is(xmpp.ErrReplaced), online: true, with: unmanaged}),
	)},
	row{id: "S081", title: "Stanzas of another namespace", oracle: ignoreRow, scenes: slices.Concat(
		ignores(
			ignore{name: "jabber:server", send: "<message xmlns='jabber:server' from='" + contactFull + "'><body>x</body></message>", twin: "<message xmlns='jabber:client' from='" + contactFull + "'><body>x</body></message>", shows: "chat with juliet"},
			ignore{name: "a foreign iq", send: "<iq xmlns='urn:evil' type='set' id='1'>" + mother + "</iq>", twin: pushed, shows: "roster added mallory%d"},
			ignore{name: "none", send: "<message xmlns='' from='" + contactFull + "'><body>x</body></message>", twin: "<message from='" + contactFull + "'><body>x</body></message>", shows: "chat with juliet"},
			ignore{name: "a prefix", send: "<s:presence xmlns:s='jabber:server' from='" + contactFull + "' type='unavailable'/>", twin: "<c:presence xmlns:c='jabber:client' from='" + contactFull + "' type='unavailable'/>", shows: "presence unavailable"},
			ignore{name: "another name", send: "<stanza from='" + contactFull + "'><body>x</body></stanza><Message from='" + contactFull + "'><body>x</body></Message>", twin: "<message from='" + contactFull + "'><body>x</body></message>", shows: "chat with juliet"},
		),
		[]scene{{name: "they don't count for stream management", play: uncounted}},
	)},
	row{id: "S092", title: "The network's pieces decide what is understood", oracle: ignoreRow, also: "internal/xmlstream.TestFragmentation", scenes: []scene{{name: "every place to cut, and random ones", play: sameInPieces}}},
	row{id: "S093", title: "What is read and written again means something else", oracle: ignoreRow, also: "internal/xmlstream.FuzzRoundTrip stanza.TestVectors", scenes: []scene{
		{name: "a payload that is sent on", play: sentOn},
	}},
	row{id: "S094", title: "CDATA", oracle: ignoreRow, also: "internal/xmlstream.TestAccepted", scenes: ignores(
		ignore{name: "an end tag in it", send: "<message from='" + contactFull + "' type='chat'><body>outer <![CDATA[</body></message><iq type='set' id='1'>]]></body></message>", hears: "outer </body></message><iq", twin: hello, shows: "hello"},
		ignore{name: "half of its own end", send: "<message from='" + contactFull + "' type='chat'><body>outer <![CDATA[]]]]><![CDATA[>]]></body></message>", hears: "outer ]]>", twin: hello, shows: "hello"},
		ignore{name: "an entity in it", send: "<message from='" + contactFull + "' type='chat'><body>outer <![CDATA[&foo;]]></body></message>", hears: "outer &foo;", twin: hello, shows: "hello"},
	)},
	row{id: "S097", title: "A handler that panics at what was sent", oracle: boundRow, scenes: bounds(
		bound{name: "100 panics with the hook set", limit: 0, unit: "goroutines more", figure: panics},
	)},
)

// uncounted has stream management, and is asked what it has handled before and after what doesn't count.
func uncounted(t *testing.T) error {
	return meet(t, nil, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableStreamManagement = false }, nil, func(s *session) error {
		ask := func() (string, error) {
			synctest.Wait()
			before := len(s.conn.Log())
			s.say("<r xmlns='urn:xmpp:sm:3'/>")
			for e := range parsed(s.conn.Log()[before:]) {
				if e.Is("urn:xmpp:sm:3", "a") {
					return e.Attr("h"), nil
				}
			}
			return "", fmt.Errorf("it didn't answer <r/>: %q, %v %w", s.conn.Log()[before:], s.State(), s.Err())
		}
		before, err := ask()
		if err != nil {
			return err
		}
		s.say("<message xmlns='jabber:server'/><iq xmlns='urn:evil' type='get' id='1'/><presence xmlns=''/><stanza/><a/><message xmlns='jabber:client '/>")
		after, err := ask()
		if err != nil || after != before {
			return errors.Join(err, fmt.Errorf("it counts %s, and did %s", after, before))
		}
		s.conn.Conn.Send("<message/>")
		if counted, err := ask(); err != nil || counted == before {
			return errors.Join(err, fmt.Errorf("it didn't count a message: %s", counted))
		}
		return nil
	})
}

// parsed are the elements of a piece of a stream.
func parsed(text string) func(func(stanza.Element) bool) {
	e, _ := stanza.Parse("<all xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" + text + "</all>")
	return e.Children()
}

// dialogue has something of everything.
const dialogue = " <message from='" + contactFull + "' type='chat' id='ü'><body>one &amp; €\u2003☃</body><x xmlns='urn:x' a='&lt;&#x9;\"'/></message>\n" +
	"<presence from='" + contactFull + "'><status>two</status></presence>" +
	"<iq type='get' id='q1' from='" + contactFull + "'><probe xmlns='urn:example:probe'>three</probe></iq>" +
	"<iq type='set' id='q2'><query xmlns='jabber:iq:roster'><item jid='four@localhost' name='N&#x27;' subscription='none'/></query></iq>" +
	"<p:x xmlns:p='urn:p'><p:y>five</p:y></p:x>" +
	"<message from='" + contactFull + "'><body><![CDATA[<six>]]></body></message>" +
	"<message type='error' from='" + contactFull + "' id='7'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"

// sameInPieces hears the same dialogue cut at every place, and expects the same of it.
func sameInPieces(t *testing.T) error {
	return meet(t, nil, nil, nil, func(s *session) error {
		take := func(send func()) (string, error) {
			m := s.mark()
			send()
			got, err := s.since(m)
			// Requests are answered by the router, ahead of what listeners hear.
			slices.SortStableFunc(got.heard, func(a, b string) int { return ahead(b) - ahead(a) })
			return fmt.Sprintf("%q %v", got.heard, got.wrote), err
		}
		s.say(dialogue) // the roster has its entry from now on
		want, err := take(func() { s.say(dialogue) })
		if err != nil {
			return err
		}
		if !strings.Contains(want, "<six>") || !strings.Contains(want, "three") || !strings.Contains(want, "gone") {
			return fmt.Errorf("the dialogue shows only %s", want)
		}
		ways := [][]string{cut{size: 1}.pieces(dialogue)}
		for at := 1; at < len(dialogue); at++ {
			if !few() || at%10 == 0 {
				ways = append(ways, []string{dialogue[:at], dialogue[at:]})
			}
		}
		for i := range 10 * randomCuts {
			if !few() || i < 10 {
				ways = append(ways, random(t.Name(), i).pieces(dialogue))
			}
		}
		for _, way := range ways {
			got, err := take(func() {
				for _, piece := range way {
					_ = s.conn.Send(piece)
					moment()
				}
			})
			if err != nil || got != want {
				return errors.Join(err, fmt.Errorf("in the pieces %q it is %s, not %s", way, got, want))
			}
		}
		note(t, "a dialogue of %d bytes in %d ways", len(dialogue), len(ways))
		return nil
	})
}

func ahead(heard string) int {
	if strings.HasPrefix(heard, "get of") {
		return 1
	}
	return 0
}

// sentOn sends on what it gets. What arrives must mean the same, and mean it again when it is read and written once more.
func sentOn(t *testing.T) error {
	return meet(t, nil, nil, nil, func(s *session) error {
		s.OnMessage(func(ctx context.Context, m *stanza.Message) {
			if m.Body == "send it on" {
				on := m.Clone()
				on.To, on.From = jid.MustParse("nurse@localhost"), jid.JID{}
				_ = s.Send(ctx, on)
			}
		})
		for _, payload := range []string{
			"<x xmlns='urn:x' xmlns:a='urn:a' a:b='1' b='2'/>",
			"<a:x xmlns:a='urn:a'><x xmlns='urn:b' xmlns:a='urn:c' a:y='1'/><a:z/></a:x>",
			"<x xmlns=''><y xmlns='jabber:client'/></x>",
			"<x xmlns='urn:x' xmlns:_xmlns='xmlns' _xmlns:x='urn:y'/>",
			"<a:x xmlns:a='urn:a' xmlns:b='urn:b' b:x='1' a:x='2'><b:y b:x='&#10;&#9;&#13;&lt;\"'/></a:x>",
			"<x xmlns='urn:x' xml:lang='de'>]]&gt;&#13;\n</x>",
			"<xml:x xmlns:p='urn:{x}'><p:y p:z='}'/></xml:x>",
			"<stream:x stream:y='1'/>",
		} {
			m := s.mark()
			s.say("<message from='" + contactFull + "'><body>send it on</body>" + payload + "</message>")
			got, err := s.since(m)
			if err != nil {
				return err
			}
			if len(got.wrote) != 1 {
				return fmt.Errorf("%s: it wrote %v", payload, got.wrote)
			}
			before, after := payloadOf("<message>"+payload+"</message>"), got.wrote[0].String()
			if got := payloadOf(after); got != before {
				return fmt.Errorf("%s became %s", before, got)
			}
			again, err := stanza.Parse(after)
			if err != nil || again.String() != after {
				return errors.Join(err, fmt.Errorf("%s became %s", after, again))
			}
		}
		return nil
	})
}

// payloadOf is what stands in a message beside its body, as the library writes it.
func payloadOf(text string) string {
	for e := range parsed(text) {
		for c := range e.Children() {
			if !c.Is(stanza.NS, "body") {
				return c.String()
			}
		}
	}
	return "no payload"
}

// panics is how many goroutines a hundred panics cost.
func panics(t *testing.T) (n int64, err error) {
	var caught atomic.Int32
	err = meet(t, nil, func(cfg *xmpp.ConnectionConfiguration) { cfg.OnPanic = func(any, []byte) { caught.Add(1) } }, func(s *session) {
		s.OnMessage(func(_ context.Context, m *stanza.Message) {
			if m.Body == "panic" {
				panic(m.Body)
			}
		})
	}, func(s *session) error {
		before := bubbled()
		for range 100 {
			s.say("<message from='" + contactFull + "'><body>panic</body></message>")
		}
		n = int64(bubbled() - before)
		m := s.mark()
		s.say(hello)
		got, err := s.since(m)
		if caught.Load() != 100 || len(got.heard) == 0 || s.State() != xmpp.Online {
			err = errors.Join(err, fmt.Errorf("%d panics were caught, then %v, %v", caught.Load(), got, s.State()))
		}
		return err
	})
	return n, err
}
