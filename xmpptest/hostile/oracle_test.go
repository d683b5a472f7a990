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
	"github.com/gosmack/xmpp/stanza"
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
