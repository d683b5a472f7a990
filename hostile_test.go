package xmpp_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	header   = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='1' version='1.0'>"
	offerTLS = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	proceed  = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
)

func offer(mechanisms ...string) string {
	return "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>" + strings.Join(mechanisms, "</mechanism><mechanism>") + "</mechanism></mechanisms></stream:features>"
}

func saslElement(name, data string) string {
	return "<" + name + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</" + name + ">"
}

// A trap plays the server up to the trigger, which it returns.
type trap func(c *xmpptest.ScriptConn) (trigger string, err error)

// clear answers the first header with what comes before TLS.
func clear(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) { return trigger, second(c.Header()) }
}

// wantTLS has brought the client to ask for TLS.
func wantTLS(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(second(c.Header()), c.Send(header+offerTLS), second(c.Expect("starttls")))
		return trigger, err
	}
}

// secured is on the other side of TLS.
func secured(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) { return trigger, c.Greet() }
}

// challenged makes the server's first message of a SCRAM exchange from the client's nonce.
func challenged(f func(nonce string) string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(offer("SCRAM-SHA-1", "PLAIN")))
		auth, e := c.Expect("auth")
		first, _ := base64.StdEncoding.DecodeString(auth.Text())
		_, nonce, _ := strings.Cut(string(first), "r=")
		return f(nonce), errors.Join(err, e)
	}
}

func challenge(format string) trap {
	return challenged(func(nonce string) string { return saslElement("challenge", fmt.Sprintf(format, nonce)) })
}

// proven has got the client's proof.
func proven(end string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		first, err := challenge("r=%sSERVER,s=c2FsdA==,i=4096")(c)
		return end, errors.Join(err, c.Send(first), second(c.Expect("response")))
	}
}

// An ambush is a trap and how it has to end.
type ambush struct {
	trap trap
	want string // in the error
	is   error
}

// TestHostile: what a hostile server does before login, and nothing that follows.
func TestHostile(t *testing.T) {
	tests := map[string]ambush{
		"S001 no starttls":          {clear(header + offer("PLAIN", "SCRAM-SHA-1")), "", xmpp.ErrTLSRequired},
		"S003 failure":              {wantTLS("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), "starttls", nil},
		"S003 features":             {wantTLS(offer("PLAIN")), "starttls", nil},
		"S003 message":              {wantTLS("<message/>"), "starttls", nil},
		"S004 injected":             {wantTLS(proceed + header + offer("PLAIN")), "", nil},
		"S015 before TLS":           {clear(header + seeOther("evil.example")), "see-other-host", nil},
		"S018 no version":           {clear(strings.Replace(header, " version='1.0'>", ">", 1) + offerTLS), "XMPP 1.0", nil},
		"S018 no version after TLS": {secured("<stream:features/>"), "", sasl.ErrNoMechanism},
		"S039 nonce is another":     {challenge("r=other%.0s,s=c2FsdA==,i=4096"), "authenticate", nil},
		"S039 nothing appended":     {challenge("r=%s,s=c2FsdA==,i=4096"), "authenticate", nil},
		"S039 illegal characters":   {challenge("r=%s\x01,s=c2FsdA==,i=4096"), "authenticate", nil},
		"S041 i=0":                  {challenge("r=%sS,s=c2FsdA==,i=0"), "authenticate", nil},
		"S041 i=1":                  {challenge("r=%sS,s=c2FsdA==,i=1"), "authenticate", nil},
		"S041 i=-5":                 {challenge("r=%sS,s=c2FsdA==,i=-5"), "authenticate", nil},
		"S041 i=4096abc":            {challenge("r=%sS,s=c2FsdA==,i=4096abc"), "authenticate", nil},
		"S041 i=+4096":              {challenge("r=%sS,s=c2FsdA==,i=+4096"), "authenticate", nil},
		"S041 i=1e9":                {challenge("r=%sS,s=c2FsdA==,i=1e9"), "authenticate", nil},
		"S041 absent":               {challenge("r=%sS,s=c2FsdA=="), "authenticate", nil},
		"S042 i=2147483647":         {challenge("r=%sS,s=c2FsdA==,i=2147483647"), "authenticate", nil},
		"S044 m=":                   {challenge("m=x,r=%sS,s=c2FsdA==,i=4096"), "authenticate", nil},
		"S043 success at once":      {challenged(func(string) string { return "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" }), "authenticate", nil},
		"S043 success without data": {proven("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), "", sasl.ErrServerSignature},
		"S043 wrong signature":      {proven(saslElement("success", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "", sasl.ErrServerSignature},
		"S043 an error":             {proven(saslElement("success", "e=other-error")), "authenticate", nil},
		"S043 wrong in a challenge": {proven(saslElement("challenge", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "", sasl.ErrServerSignature},
		"S050 a message":            {challenged(func(string) string { return "<message><body>x</body></message>" }), "authenticate", nil},
		"S061 only ANONYMOUS":       {secured(offer("ANONYMOUS", "EXTERNAL", "PLAIN")), "", sasl.ErrNoMechanism},
		"restricted XML":            {clear("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>" + header), "stream", nil},
		"restricted XML after TLS":  {secured("<?evil?>"), "stream", nil},
		"a stanza before features":  {secured("<message/>"), "features", nil},
		"an enormous list":          {secured(offer(strings.Repeat("X", 70_000))), "stream", nil},
		"another protocol":          {clear("HTTP/1.1 400 Bad Request\r\n\r\n"), "stream", nil},
		"endless challenges":        {proven(strings.Repeat(saslElement("challenge", ""), 20)), "authenticate", nil},
		"base64 that is none":       {challenged(func(string) string { return "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%%%</challenge>" }), "base64", nil},
		"end of stream":             {secured("</stream:stream>"), "closed the connection", nil},
	}
	maps.Copy(tests, ambushes2)
	for name, tt := range tests {
		for _, chunk := range []int{0, 1} {
			if chunk == 1 && strings.HasPrefix(name, "S004") {
				continue // byte by byte it is the handshake that stumbles, over what is no TLS
			}
			t.Run(fmt.Sprintf("%s/%d", name, chunk), func(t *testing.T) {
				bubble(t, func(t *testing.T) { abort(t, tt.trap, chunk, tt.want, tt.is) })
			})
		}
	}
}

// quiet is what may follow a trigger: a stream error, the end of the stream, an abort of SASL.
var quiet = strings.NewReplacer("</stream:stream>", "", "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "")

// abort checks that the trap ends the login with the right error within a second, and that after the trigger the client
// says nothing but why it goes.
func abort(t *testing.T, trap trap, chunk int, want string, is error) {
	srv := xmpptest.NewServer(t, nil)
	var after string
	srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{Chunk: chunk}) })
	script := srv.Script(func(c *xmpptest.ScriptConn) error {
		trigger, err := trap(c)
		if err != nil {
			return err
		}
		before := len(c.Log())
		c.Conn.Send(trigger)
		_ = c.ExpectEnd("")
		after = c.Log()[before:]
		return nil
	})
	seen := new(record[string])
	c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Password = "canary"
		cfg.Mechanisms = []string{"SCRAM-SHA-1"}
		cfg.Trace = func(e xmpp.TraceEvent) { seen.add(string(e.Data)) }
	})
	began := time.Now()
	err := c.Login(t.Context(), "", "")
	require.Less(t, time.Since(began), time.Second)
	require.ErrorContains(t, err, want)
	if is != nil {
		require.ErrorIs(t, err, is)
	}
	var failed *xmpp.ConnectError
	require.ErrorAs(t, err, &failed)
	require.NoError(t, script.Wait(t.Context()))
	if rest, _, _ := strings.Cut(quiet.Replace(after), "<stream:error>"); rest != "" {
		t.Errorf("after the trigger the client wrote %s", after)
	}
	require.Equal(t, 1, srv.Dialer().Dials(), "no second try")
	require.Equal(t, xmpp.Disconnected, c.State())
	for _, secret := range []string{"canary", base64.StdEncoding.EncodeToString([]byte("canary")), base64.StdEncoding.EncodeToString([]byte("\x00romeo\x00canary"))} {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secret)
		require.NotContains(t, strings.Join(seen.list(), ""), secret)
	}
}

func seeOther(host string) string {
	return "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + host + "</see-other-host></stream:error></stream:stream>"
}

// S002: the decision depends on what was parsed, not on how it arrived.
func TestHostileFragments(t *testing.T) {
	data := header + offer("PLAIN", "SCRAM-SHA-1")
	for i := range 50 {
		synctest.Test(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, nil)
			srv.Script(func(c *xmpptest.ScriptConn) error {
				if _, err := c.Header(); err != nil {
					return err
				}
				at := i * len(data) / 50
				return errors.Join(c.Send(data[:at]), c.Send(data[at:]), c.ExpectEnd(""))
			})
			require.ErrorIs(t, offline(t, srv, "romeo").Login(t.Context(), "", ""), xmpp.ErrTLSRequired)
		})
	}
}

// S006, S009: certificates.
func TestHostileCertificates(t *testing.T) {
	typedIn := func(cfg *xmpp.ConnectionConfiguration) { cfg.VerifyName = "other.example" }
	tests := map[string]struct {
		kind   xmpptest.CertificateKind
		change with
		good   bool
	}{
		"good":                 {xmpptest.CertificateValid, nil, true},
		"another name":         {xmpptest.CertificateOtherName, nil, false},
		"self-signed":          {xmpptest.CertificateSelfSigned, nil, false},
		"expired":              {xmpptest.CertificateExpired, nil, false},
		"no roots":             {xmpptest.CertificateValid, func(c *xmpp.ConnectionConfiguration) { c.TLS = nil }, false},
		"opted in, wrong name": {xmpptest.CertificateValid, typedIn, false},
		"unverified":           {xmpptest.CertificateSelfSigned, func(c *xmpp.ConnectionConfiguration) { c.Security = xmpp.SecurityUnverified }, true},
	}
	for name, tt := range tests {
		for _, port := range []int{5222, 5223} {
			t.Run(fmt.Sprint(name, port), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := xmpptest.NewServer(t, &xmpptest.Options{Certificate: tt.kind})
					change := tt.change
					if change == nil {
						change = func(*xmpp.ConnectionConfiguration) {}
					}
					c := offline(t, srv, "romeo", change, func(cfg *xmpp.ConnectionConfiguration) { cfg.Port = port })
					err := c.Connect(t.Context())
					if tt.good {
						require.NoError(t, err)
						return
					}
					var cert *tls.CertificateVerificationError
					require.ErrorAs(t, err, &cert)
					require.True(t, xmpp.Terminal(err))
					var failed *xmpp.ConnectError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, "tls", failed.Attempts[0].Step)
					require.Equal(t, port == 5223, failed.Attempts[0].DirectTLS)
				})
			})
		}
	}
}

// S014, S021: direct TLS.
func TestHostileDirectTLS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		direct := func(cfg *xmpp.ConnectionConfiguration) { cfg.Port = 5223 }
		for _, protocols := range [][]string{nil, {"xmpp-client"}} {
			srv := xmpptest.NewServer(t, &xmpptest.Options{TLS: func(c *tls.Config) { c.NextProtos = protocols }})
			require.NoError(t, offline(t, srv, "romeo", direct).Connect(t.Context()))
		}
		srv := xmpptest.NewServer(t, &xmpptest.Options{TLS: func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }})
		require.Error(t, offline(t, srv, "romeo", direct).Connect(t.Context()))

		var log string
		script := srv.Script(func(c *xmpptest.ScriptConn) error {
			_ = c.Send(header + offer("PLAIN"))
			_ = c.ExpectEnd("")
			log = c.Log()
			return nil
		})
		require.Error(t, offline(t, srv, "romeo", direct).Connect(t.Context()))
		require.NoError(t, script.Wait(context.Background()))
		require.NotContains(t, log, "<")
	})
}

// S013: a stanza counts only when it is complete.
func TestHostileTruncation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		got := texts(c)
		conn := srv.Connections("romeo")[0]
		conn.Send("<message from='juliet@localhost'><body>whole</body></message><message from='juliet@localhost'><body>half</body>")
		settle()
		conn.Cut()
		settle()
		require.Equal(t, []string{"whole"}, got.list())
		require.Equal(t, xmpp.Reconnecting, c.State())
	})
}

// S023: what is done is not done again. After login a second offer is a nonza of nobody's.
func TestHostileSecondOffer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		var log func() string
		c := scripted(t, srv, "romeo", func(s *xmpptest.ScriptConn) error { log = s.Log; return s.Serve() })
		got := texts(c)
		settle()
		before := log()
		raw(srv, "romeo", offerTLS+offer("PLAIN")+proceed+"<stream:features><compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression></stream:features>"+
			"<message from='juliet@localhost'><body>next</body></message>")
		settle()
		require.Equal(t, before, log())
		require.Equal(t, []string{"next"}, got.list())
	})
}

// S151: an address that is none costs its stanza, not the stream.
func TestHostileAddresses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		reported := new(record[error])
		c := online(t, srv, "romeo", complaints(reported))
		got := texts(c)
		for _, from := range []string{"@@", strings.Repeat("a", 1024) + "@localhost", "a@b/\x7f\u200b\u202e", "user@xn--example-.org", "a..b@", "@localhost", "x@a..b"} {
			raw(srv, "romeo", "<message from='"+from+"'><body>bad</body></message>"+
				"<iq type='set' id='1' from='"+from+"'><query xmlns='jabber:iq:roster'><item jid='mallory@localhost' name='Mum'/></query></iq>"+
				"<presence from='"+from+"'/>")
		}
		raw(srv, "romeo", "<message from='juliet@localhost'><body>good</body></message>")
		settle()
		require.NotContains(t, got.list(), "bad")
		require.Contains(t, got.list(), "good")
		_, ok := c.Roster().Contact(srv.Address("mallory"))
		require.False(t, ok)
		require.NotEmpty(t, reported.list())
		require.Less(t, len(errorText(reported.list())), 10_000, "errors don't repeat what a peer sent")
	})
}
