package xmpptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// token asks for a token along with a password.
func token(t *testing.T, srv *xmpptest.Server, mechanism string) string {
	t.Helper()
	c, _ := hello(t, srv, "romeo")
	e := c.authenticate("romeo", "secret", device+"<request-token xmlns='urn:xmpp:fast:0' mechanism='"+mechanism+"'/>")
	return e.Child("urn:xmpp:fast:0", "token").Attr("token")
}

// fast logs in with a token and returns what the server says to that.
func fast(t *testing.T, srv *xmpptest.Server, mechanism, token, attrs, content string) xmlstream.Element {
	t.Helper()
	c, _ := hello(t, srv, "romeo")
	binding := ""
	switch {
	case strings.HasSuffix(mechanism, "EXPR"):
		binding = string(c.binding("tls-exporter"))
	case strings.HasSuffix(mechanism, "ENDP"):
		binding = string(c.binding("tls-server-end-point"))
	}
	initial := b64("romeo\x00" + string(sum(sha256.New, []byte(token), "Initiator"+binding)))
	c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='%s'><initial-response>%s</initial-response>%s<fast xmlns='urn:xmpp:fast:0' %s/></authenticate>",
		mechanism, initial, content, attrs)
	e := c.next()
	if e.Local() == "success" {
		proof, err := base64.StdEncoding.DecodeString(e.Child("urn:xmpp:sasl:2", "additional-data").Text())
		require.NoError(t, err)
		require.Equal(t, sum(sha256.New, []byte(token), "Responder"+binding), proof)
	}
	return e
}

func TestFAST(t *testing.T) {
	for _, mechanism := range []string{"HT-SHA-256-EXPR", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"} {
		t.Run(mechanism, func(t *testing.T) {
			everywhere(t, modern(), func(t *testing.T, srv *xmpptest.Server) {
				secret := token(t, srv, mechanism)
				require.NotEmpty(t, secret)
				e := fast(t, srv, mechanism, secret, "", device+bind2(""))
				require.Contains(t, text(e), "<bound xmlns='urn:xmpp:bind:0'>")
				require.NotContains(t, text(e), "<token")
				require.Equal(t, "success", fast(t, srv, mechanism, secret, "", device).Local(), "again")
			})
		})
	}
}

func TestFASTRefusals(t *testing.T) {
	const expr, none = "HT-SHA-256-EXPR", "HT-SHA-256-NONE"
	tests := []struct {
		name, mechanism, attrs, content, want string
		before                                func(srv *xmpptest.Server)
	}{
		{"other mechanism", none, "", device, "not-authorized", nil},
		{"other device", expr, "", "<user-agent id='1'/>", "not-authorized", nil},
		{"no device", expr, "", "", "malformed-request", nil},
		{"unknown mechanism", "HT-SHA-512-EXPR", "", device, "invalid-mechanism", nil},
		{"count not new", expr, "count='7'", device, "not-authorized", nil},
		{"count new", expr, "count='8'", device, "", nil},
		{"revoked", expr, "", device, "credentials-expired", func(srv *xmpptest.Server) { srv.RevokeTokens("romeo") }},
		{"expired", expr, "", device, "credentials-expired", func(*xmpptest.Server) { time.Sleep(22 * 24 * time.Hour) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := modern()
				srv := xmpptest.NewServer(t, &o)
				secret := token(t, srv, expr)
				require.Equal(t, "success", fast(t, srv, expr, secret, "count='7'", device).Local())
				if tt.before != nil {
					tt.before(srv)
				}
				e := fast(t, srv, tt.mechanism, secret, tt.attrs, tt.content)
				if tt.want == "" {
					require.Equal(t, "success", e.Local(), text(e))
					return
				}
				require.Equal(t, tt.want, e.First().Local(), text(e))
			})
		})
	}
}

func TestFASTRotation(t *testing.T) {
	const m = "HT-SHA-256-EXPR"
	given := func(e xmlstream.Element) string { return e.Child("urn:xmpp:fast:0", "token").Attr("token") }
	bubble(t, func(t *testing.T) {
		o := modern()
		srv := xmpptest.NewServer(t, &o)
		one := token(t, srv, m)
		time.Sleep(11 * 24 * time.Hour) // virtual
		two := given(fast(t, srv, m, one, "", device))
		require.NotEmpty(t, two, "due for a new one")
		require.Equal(t, "success", fast(t, srv, m, one, "", device).Local(), "the old one works until the new one is used")
		two = given(fast(t, srv, m, one, "", device))
		require.Equal(t, "success", fast(t, srv, m, two, "", device).Local())
		require.Equal(t, "failure", fast(t, srv, m, one, "", device).Local())
		e := fast(t, srv, m, two, "invalidate='true'", device)
		require.Equal(t, "success", e.Local())
		require.Empty(t, given(e))
		require.Equal(t, "failure", fast(t, srv, m, two, "", device).Local())
	})
	bubble(t, func(t *testing.T) {
		o := modern()
		o.RotateTokens = true
		srv := xmpptest.NewServer(t, &o)
		require.NotEmpty(t, given(fast(t, srv, m, token(t, srv, m), "", device)))
		e := fast(t, srv, m, token(t, srv, m), "invalidate='1'", device+"<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>")
		require.Equal(t, "success", fast(t, srv, "HT-SHA-256-NONE", given(e), "", device).Local())
	})
}
