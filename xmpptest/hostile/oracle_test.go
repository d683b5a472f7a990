package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A rogue is a client that comes to where the server has sent its trigger, and then does something.
type rogue struct {
	cfg  *xmpp.ConnectionConfiguration
	deed func(r *rogue) error
	conn []net.Conn
}

func (r *rogue) dial() net.Conn {
	c, err := r.cfg.Dialer.DialContext(context.Background(), "tcp", "xmpp.example:5222")
	if err != nil {
		panic(err)
	}
	r.conn = append(r.conn, c)
	return c
}

func (r *rogue) Login(context.Context, string, xmpp.Secret) error {
	c := r.dial()
	_, _ = io.WriteString(c, header)
	_, _ = c.Read(make([]byte, 4096))
	return r.deed(r)
}

func (r *rogue) Done() <-chan struct{}                 { return nil }
func (r *rogue) Err() error                            { return nil }
func (r *rogue) State() xmpp.State                     { return xmpp.Disconnected }
func (r *rogue) OnState(func(xmpp.StateChange)) func() { return func() {} }
func (r *rogue) write(s string)                        { _, _ = io.WriteString(r.conn[0], s) }
func (r *rogue) hangUp()                               { _ = r.conn[0].Close() }
func (r *rogue) Close() error {
	for _, c := range r.conn {
		_ = c.Close()
	}
	return nil
}

// ABORT sees each way of not aborting, and passes who aborts.
func TestAbortSees(t *testing.T) {
	good := &xmpp.ConnectError{Attempts: []xmpp.Attempt{{Step: "starttls", Err: errors.Join(xmpp.ErrTLSRequired, &xmpp.ProtocolError{Condition: stanza.StreamPolicyViolation, Err: io.EOF})}}}
	ending := "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
	for name, tt := range map[string]struct {
		want string
		deed func(r *rogue) error
	}{
		"it aborts": {"", func(r *rogue) error { r.write(ending); r.hangUp(); return good }},
		"no error":  {"no error", func(r *rogue) error { r.write(ending); r.hangUp(); return nil }},
		"it stays":  {"not closed within", func(r *rogue) error { r.write(ending); return good }},
		"no word":   {`"", not "policy-violation"`, func(r *rogue) error { r.hangUp(); return good }},
		"another word": {`"reset", not`, func(r *rogue) error {
			r.write("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
			r.hangUp()
			return good
		}},
		"credentials": {"<auth", func(r *rogue) error {
			r.write("<auth xmlns='" + nsSASL + "' mechanism='PLAIN'>AGE=</auth>" + ending)
			r.hangUp()
			return good
		}},
		"a stanza":           {"<presence/>", func(r *rogue) error { r.write(ending + "<presence/>"); r.hangUp(); return good }},
		"a stanza before it": {"<presence/>", func(r *rogue) error { r.write("<presence/>" + ending); r.hangUp(); return good }},
		"a second try":       {"connected 2 times", func(r *rogue) error { r.write(ending); r.hangUp(); _ = r.dial().Close(); return good }},
		"late":               {"the error came after", func(r *rogue) error { r.write(ending); r.hangUp(); time.Sleep(2 * time.Second); return good }},
		"no typed error":     {"no *xmpp.ConnectError", func(r *rogue) error { r.write(ending); r.hangUp(); return xmpp.ErrTLSRequired }},
		"the wrong error":    {"the wrong error", func(r *rogue) error { r.write(ending); r.hangUp(); return &xmpp.ConnectError{Err: xmpp.ErrClosed} }},
		"no protocol error": {"it is no *xmpp.ProtocolError", func(r *rogue) error {
			r.write(ending)
			r.hangUp()
			return &xmpp.ConnectError{Attempts: []xmpp.Attempt{{Step: "starttls", Err: xmpp.ErrTLSRequired}}}
		}},
		"the wrong step": {`"authenticate", not "starttls"`, func(r *rogue) error {
			r.write(ending)
			r.hangUp()
			return &xmpp.ConnectError{Attempts: []xmpp.Attempt{{Step: "authenticate", Err: xmpp.ErrTLSRequired}}}
		}},
		"it gives itself off": {"the password is shown", func(r *rogue) error {
			r.write(ending)
			r.hangUp()
			return errors.Join(good, fmt.Errorf("%s was refused", canary))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := abort{
				name: name, trap: clear(header + offer("PLAIN")), err: is(xmpp.ErrTLSRequired), step: "starttls", says: stanza.StreamPolicyViolation, whole: true,
				client: func(cfg *xmpp.ConnectionConfiguration) (client, error) { return &rogue{cfg: cfg, deed: tt.deed}, nil },
			}
			sees(t, a.scene(), tt.want)
		})
	}
	for name, tt := range map[string]struct {
		want string
		a    abort
	}{
		"it ends":        {"", abort{trap: online(conflicting), err: is(xmpp.ErrReplaced)}},
		"it goes on":     {"the connection was not closed", abort{trap: online("<message/>")}},
		"another word":   {`"not-well-formed", not "reset"`, abort{trap: online("<message><body>x</message>"), says: stanza.StreamReset}},
		"it calls again": {"the connection goes on", abort{trap: online("</stream:stream>")}},
		"it returns":     {"", abort{trap: online("</stream:stream>"), err: text("the server ended the stream"), returns: streamLost}},
		"unnamed error":  {"the row names no error", abort{trap: online("</stream:stream>"), returns: streamLost}},
		"it doesn't return": {"with its own server again it is closed", abort{trap: online("</stream:stream>"), returns: streamLost, with: func(cfg *xmpp.ConnectionConfiguration) {
			cfg.DisableReconnection = true
		}}},
		"it returns to anybody's certificate": {"impostor 1 heard", abort{trap: online("</stream:stream>"), returns: streamLost, with: func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Security = xmpp.SecurityUnverified
		}}},
		"it says the password": {"the password is shown", abort{trap: online("</stream:stream>"), returns: streamLost, with: func(cfg *xmpp.ConnectionConfiguration) {
			tell := cfg.OnError
			cfg.Trace = func(e xmpp.TraceEvent) {
				if strings.Contains(string(e.Data), "presence") {
					tell(fmt.Errorf("it is %x", canary))
				}
			}
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.a.name, tt.a.online, tt.a.whole = name, true, true
			change := tt.a.with
			tt.a.with = func(cfg *xmpp.ConnectionConfiguration) {
				unmanaged(cfg)
				if change != nil {
					change(cfg)
				}
			}
			sees(t, tt.a.scene(), tt.want)
		})
	}
}

const conflicting = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"

// sees runs a scene whose oracle has to say this; nothing: that all is well.
func sees(t *testing.T, s scene, want string) {
	t.Helper()
	err := s.run(t)
	if want == "" {
		require.NoError(t, err)
		return
	}
	require.ErrorContains(t, err, want)
}

// IGNORE sees whatever is not ignored.
func TestIgnoreSees(t *testing.T) {
	message := "<message from='" + contact + "'><body>hello</body></message>"
	push := "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' subscription='both'/></query></iq>"
	ping := "<iq type='get' id='p' from='" + contactFull + "'><ping xmlns='urn:xmpp:ping'/></iq>"
	unknown := "<iq type='get' id='p' from='" + contactFull + "'><x xmlns='urn:x'/></iq>"
	for name, tt := range map[string]struct {
		ignore ignore
		want   string
	}{
		"it is ignored":         {ignore{send: unknown, answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: message, shows: "hello"}, ""},
		"a message is heard":    {ignore{send: message}, "it was heard"},
		"state changes":         {ignore{send: push}, "it changed the state"},
		"an answer":             {ignore{send: ping}, "not 0 answers"},
		"the wrong answer":      {ignore{send: ping, answers: []stanza.Condition{stanza.ServiceUnavailable}}, "it answered"},
		"another error":         {ignore{send: unknown, answers: []stanza.Condition{stanza.Forbidden}}, "it answered"},
		"answered twice":        {ignore{send: unknown + unknown, answers: []stanza.Condition{stanza.ServiceUnavailable}}, "not 1 answers"},
		"no answer":             {ignore{send: "<message/>", answers: []stanza.Condition{stanza.ServiceUnavailable}}, "not 1 answers"},
		"the end":               {ignore{send: "</stream:stream>"}, "the connection is"},
		"the next one is gone":  {ignore{send: "<message from='" + contactFull + "'><x>"}, "the next good message"},
		"no twin":               {ignore{send: "<message/>"}, "heard"},
		"a twin without effect": {ignore{send: unknown, answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: "<message type='error'/>", shows: "hello"}, `shows no "hello"`},
		"an answer is stolen": {ignore{make: func(s *session) string {
			return "<iq type='result' id='" + lastOf(s, "urn:example:probe").Attr("id") + "' from='" + contactFull + "'><probe xmlns='urn:example:probe'>right</probe></iq>"
		}}, "the request that waited has ended"},
		"a page is stuffed": {ignore{make: func(s *session) string {
			return archived("", lastOf(s, "urn:xmpp:mam:2").First().Attr("queryid"), "1", inside(contactFull, own, "chat", "stuffed"))
		}, twin: message, shows: "hello"}, "the page that waited has"},
		"the true bearer of an id": {ignore{send: "<message id='1' from='" + contactFull + "'><delay xmlns='urn:xmpp:delay'/></message>", hearsAny: "message", twin: message, shows: "hello"}, ""},
		"a twin that works once":   {ignore{send: unknown, answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: push, shows: "roster added"}, "bytes: the twin"},
		"a twin is missing":        {ignore{send: unknown, answers: []stanza.Condition{stanza.ServiceUnavailable}}, "no twin"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.ignore.name = name
			sees(t, tt.ignore.scene(), tt.want)
		})
	}
}

// An answer that is none: its scenes see a request that ends by it, and all that is heard of it and is not foreseen.
func TestAnswersSee(t *testing.T) {
	answer := func(text string) func(string) string {
		return func(id string) string {
			return "<iq type='result' id='" + id + "' from='" + contact + "'><probe xmlns='urn:example:probe'>" + text + "</probe></iq>"
		}
	}
	always := func(text string) func(string) string { return func(string) string { return text } }
	failed := func(id string) string {
		return "<message type='error' id='" + id + "' from='" + contact + "'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
	}
	const told = "message error from " + contact + ": stanza error: gone"
	for name, tt := range map[string]struct {
		wrong func(string) string
		heard []string
		by    string // who may answer; nobody: the contact
		want  string
	}{
		"it is ignored":               {wrong: always("<message type='error'/><presence type='error'/>"), heard: []string{"message error from : stanza error: undefined-condition", `presence error from : ""`}},
		"it is told":                  {wrong: failed, heard: []string{told}},
		"it is told, and must not be": {wrong: failed, want: "heard was [\"message error"},
		"it is not told":              {wrong: always("<iq/>"), heard: []string{told}, want: "heard was []"},
		"it is told twice":            {wrong: func(id string) string { return failed(id) + failed(id) }, heard: []string{told}, want: "heard was"},
		"the wrong thing is told":     {wrong: always("<presence type='error'/>"), heard: []string{told}, want: "heard was"},
		"the request ends":            {wrong: answer("right"), want: "the request ended"},
		"it ends with another text":   {wrong: answer("wrong"), want: `the answer was "wrong"`},
		"the right one is not taken":  {wrong: always("<iq/>"), by: stranger, want: "did not end the request"},
		"state changes":               {wrong: always("<iq type='set' id='p'>" + mother + "</iq>"), want: "it changed the state"},
		"an answer is written":        {wrong: always("<iq type='get' id='p' from='" + contactFull + "'><x xmlns='urn:x'/></iq>"), want: "not 0 answers"},
	} {
		t.Run(name, func(t *testing.T) {
			by := tt.by
			if by == "" {
				by = contact
			}
			sees(t, wrongAnswer(name, contact, []string{by}, tt.wrong, tt.heard...), tt.want)
		})
	}
}

// A result that is none: its scenes see a page that has it or lacks the good one, and a text of it that is heard.
func TestResultsSee(t *testing.T) {
	result := func(text string) func(string) string {
		return func(q string) string { return archived("", q, "1", inside(contactFull, own, "chat", text)) }
	}
	other := func(q string) string { return result("forged")(q + "x") }
	outer := func(text string) func(string) string {
		return func(string) string {
			return "<message from='" + contactFull + "'><body>" + text + "</body></message>"
		}
	}
	const empty = "message normal from " + contactFull + ` to : "" ""`
	for name, tt := range map[string]struct {
		forged, good func(string) string
		heard        []string
		want         string
	}{
		"it is ignored":     {forged: other, good: result("good")},
		"it is on the page": {forged: result("forged"), good: result("good"), want: `the page has ["forged" "good"]`},
		"no good one":       {forged: other, good: result("other"), want: `the page has ["other"]`},
		"its text is heard": {forged: outer("forged"), good: result("good"), heard: []string{empty}, want: `\"forged\" \"\"`},
		"it is heard":       {forged: outer(""), good: result("good"), want: "heard was"},
		"it is not heard":   {forged: other, good: result("good"), heard: []string{empty}, want: "heard was []"},
	} {
		t.Run(name, func(t *testing.T) { sees(t, resultScene(name, "", tt.forged, tt.good, tt.heard...), tt.want) })
	}
}

// A choice sees another mechanism, another beginning of the message, and none at all.
func TestChoiceSees(t *testing.T) {
	for name, tt := range map[string]struct {
		choice choice
		want   string
	}{
		"it is chosen":      {choice{features: offer(sha), mechanism: sha, flag: "y,"}, ""},
		"another mechanism": {choice{features: offer(sha), mechanism: "SCRAM-SHA-512"}, "it chose " + sha},
		"another flag":      {choice{features: offer(sha), mechanism: sha, flag: "n,"}, "it chose " + sha},
		"none":              {choice{features: offer("X"), mechanism: "X"}, sasl.ErrNoMechanism.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			tt.choice.name = name
			sees(t, tt.choice.scene(), tt.want)
		})
	}
}

// A connection lost: what follows is seen, be it the end or not, and a trap that the client never comes to.
func TestLaterSees(t *testing.T) {
	ending := func(stage func(string) trap) trap {
		return stage("<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
	}
	for name, tt := range map[string]struct {
		set   trap
		check func(error, xmpp.State, int) error
		want  string
	}{
		"it ends":           {ending(secured), ends(is(stanza.StreamHostUnknown)), ""},
		"for another error": {ending(secured), ends(is(xmpp.ErrWrongAccount)), "it is not"},
		"it comes back":     {ending(wantTLS), comesBack, ""},
		"it doesn't":        {ending(secured), comesBack, "it is closed after 1 connections"},
		"it doesn't end":    {ending(wantTLS), ends(is(stanza.StreamHostUnknown)), "it made 2 connections"},
		"no trap":           {func(*xmpptest.ScriptConn) (string, error) { return "", io.ErrNoProgress }, comesBack, io.ErrNoProgress.Error()},
	} {
		t.Run(name, func(t *testing.T) { sees(t, later(name, tt.set, tt.check), tt.want) })
	}
}

// A saga sees what its parts say, and one that is not played.
func TestSagaSees(t *testing.T) {
	login := func(l *leg) error { return second(l.Login("romeo")) }
	nothing := func(context.Context, *tale) error { pass(time.Second); return nil }
	for name, tt := range map[string]struct {
		saga saga
		want string
	}{
		"it is played":        {saga{parts: []part{login}, play: nothing}, ""},
		"a part fails":        {saga{parts: []part{func(l *leg) error { return errors.Join(l.managed("x"), io.ErrNoProgress) }}, play: nothing}, "connection 0: " + io.ErrNoProgress.Error()},
		"a part isn't played": {saga{parts: []part{login, login}, play: nothing}, context.DeadlineExceeded.Error()},
		"the end is wrong":    {saga{parts: []part{login}, play: func(context.Context, *tale) error { return io.ErrNoProgress }}, io.ErrNoProgress.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			tt.saga.name = name
			sees(t, tt.saga.scene(), tt.want)
		})
	}
}

// What a client says by itself is seen.
func TestNothingSaidSees(t *testing.T) {
	sees(t, nothingSaid(ignore{name: "x", send: "<message from='" + contactFull + "' type='chat'><body>x</body></message>", hears: "x"}), "")
	sees(t, nothingSaid(ignore{name: "x", send: "<iq type='get' id='p' from='" + contactFull + "'><ping xmlns='urn:xmpp:ping'/></iq>"}), "wrote")
}

// lastOf is the last stanza that a client wrote with a payload of this namespace.
func lastOf(s *session, space string) (last stanza.Element) {
	log := s.conn.Log()
	at := strings.LastIndex(log, space)
	begin := strings.LastIndex(log[:at], "<iq")
	for e := range parsed(log[begin : at+strings.Index(log[at:], "</iq>")+len("</iq>")]) {
		last = e
	}
	return last
}

// REJECT sees what was written all the same, and what was no error.
func TestRejectSees(t *testing.T) {
	good := say("x")
	bad := func(context.Context, *session) error { return &xmpp.ConfigError{Field: "x"} }
	for name, tt := range map[string]struct {
		reject reject
		want   string
	}{
		"it is rejected":  {reject{call: bad, err: as[*xmpp.ConfigError], twin: good}, ""},
		"no error":        {reject{call: good, twin: good}, "no error"},
		"written":         {reject{call: func(ctx context.Context, s *session) error { return errors.Join(good(ctx, s), bad(ctx, s)) }, twin: good}, "it wrote"},
		"the wrong error": {reject{call: bad, err: is(xmpp.ErrClosed), twin: good}, "it is not"},
		"no such type":    {reject{call: bad, err: as[*stanza.Error], twin: good}, "it is no *stanza.Error"},
		"the twin fails":  {reject{call: bad, twin: bad}, "the twin failed"},
		"a silent twin":   {reject{call: bad, twin: func(context.Context, *session) error { return nil }}, "the twin wrote"},
		"state changes": {reject{call: func(ctx context.Context, s *session) error {
			return errors.Join(s.Roster().Add(ctx, jid.MustParse("x@localhost"), ""), bad(ctx, s))
		}, twin: good}, "changed the state"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.reject.name = name
			sees(t, tt.reject.scene(), tt.want)
		})
	}
}

// BOUND sees what is too much.
func TestBoundSees(t *testing.T) {
	seven := func(*testing.T) (int64, error) { return 7, nil }
	sees(t, bound{name: "x", unit: "bytes", limit: 7, figure: seven}.scene(), "")
	sees(t, bound{name: "x", unit: "bytes", limit: 6, figure: seven}.scene(), "7 bytes, more than 6")
	sees(t, bound{name: "x", unit: "bytes", limit: 6, figure: func(*testing.T) (int64, error) { return 0, io.EOF }}.scene(), "EOF")
}

// Each way of cutting brings all that was sent, and the seed makes the same pieces again.
func TestCuts(t *testing.T) {
	data := "<message><body>€ ☃</body></message>"
	again := map[string][]string{}
	for round := range 2 {
		for _, c := range cuts(t.Name()) {
			pieces := c.pieces(data)
			joined := ""
			for _, p := range pieces {
				require.NotEmpty(t, p)
				joined += p
			}
			require.Equal(t, data, joined)
			if round == 0 {
				again[c.name] = pieces
			}
			require.Equal(t, again[c.name], pieces)
		}
	}
	require.Len(t, again["bytes"], len(data))
	require.Len(t, again["whole"], 1)
}
