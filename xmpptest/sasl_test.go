package xmpptest_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func TestSCRAMVectors(t *testing.T) {
	salt, _ := base64.StdEncoding.DecodeString("QSXCR+Q6sek8bf92")
	t.Run("RFC 5802", func(t *testing.T) {
		one, two, err := xmpptest.RFCExchange("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			string(salt), "3rfcNHYJY1ZVvWVs7j", "", nil)
		require.NoError(t, err)
		require.Equal(t, "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096", one)
		require.Equal(t, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", two)
	})
	t.Run("XEP-0474", func(t *testing.T) {
		nonce := "12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6"
		suffix := "a09117a6-ac50-4f2f-93f1-93799c2bddf6"
		one, two, err := xmpptest.RFCExchange("p=tls-exporter,,n=user,r="+nonce,
			"c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r="+nonce+suffix+
				",x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=", string(salt), suffix,
			xmpptest.HashInput([]string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"}, []string{"tls-server-end-point", "tls-exporter"}),
			map[string][]byte{"tls-exporter": []byte("THIS IS FAKE CB DATA")})
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(one, ",i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08="), one)
		require.Equal(t, "v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=", two)
	})
}

// attempt is the client's side of one SCRAM exchange.
type attempt struct {
	mechanism, flag, user, password, authzid string
	data                                     []byte // channel binding
}

func (a attempt) hash() func() hash.Hash {
	switch {
	case strings.Contains(a.mechanism, "512"):
		return sha512.New
	case strings.Contains(a.mechanism, "256"):
		return sha256.New
	}
	return sha1.New
}

// run plays the exchange; it returns the server's last element and whether
// the signature in it is right.
func (a attempt) run(c *rawClient) (last xmlstream.Element, signed bool) {
	last, signature := a.play(c, "urn:ietf:params:xml:ns:xmpp-sasl", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>")
	return last, last.Text() == signature
}

// run2 is run in SASL2.
func (a attempt) run2(c *rawClient, content string) (last xmlstream.Element, signed bool) {
	last, signature := a.play(c, "urn:xmpp:sasl:2",
		"<authenticate xmlns='urn:xmpp:sasl:2' mechanism='%s'><initial-response>%s</initial-response>"+content+"</authenticate>")
	return last, last.Child("urn:xmpp:sasl:2", "additional-data").Text() == signature
}

// play begins as the format says and returns what the signature must be.
func (a attempt) play(c *rawClient, space, begin string) (last xmlstream.Element, signature string) {
	gs2 := a.flag + ","
	if a.authzid != "" {
		gs2 += "a=" + a.authzid
	}
	gs2 += ","
	bare := "n=" + a.user + ",r=abcdefghijklmnop"
	c.send(begin, a.mechanism, b64(gs2+bare))
	challenge := c.next()
	if challenge.Local() != "challenge" {
		return challenge, ""
	}
	raw, _ := base64.StdEncoding.DecodeString(challenge.Text())
	fields := strings.Split(string(raw), ",")
	salt, _ := base64.StdEncoding.DecodeString(fields[1][2:])
	salted, _ := pbkdf2.Key(a.hash(), a.password, salt, 4096, a.hash()().Size())
	without := "c=" + b64(gs2+string(a.data)) + "," + fields[0]
	message := bare + "," + string(raw) + "," + without
	client := sum(a.hash(), salted, "Client Key")
	stored := a.hash()()
	stored.Write(client)
	proof := sum(a.hash(), stored.Sum(nil), message)
	subtle.XORBytes(proof, proof, client)
	c.send("<response xmlns='%s'>%s</response>", space, b64(without+",p="+b64(string(proof))))
	last = c.next()
	server := sum(a.hash(), sum(a.hash(), salted, "Server Key"), message)
	return last, b64("v=" + b64(string(server)))
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func sum(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func TestSCRAM(t *testing.T) {
	everywhere(t, xmpptest.Options{Accounts: map[string]string{"a.b": "secret"}, HashOffer: true}, func(t *testing.T, srv *xmpptest.Server) {
		for _, h := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			c, f := secured(t, srv)
			require.Contains(t, text(f), "<mechanism>"+h+"</mechanism>")
			last, signed := attempt{mechanism: h, flag: "n", user: "a.b", password: "secret"}.run(c)
			require.Equal(t, "success", last.Local(), text(last))
			require.True(t, signed)
			for _, kind := range []string{"tls-exporter", "tls-server-end-point"} {
				c, f := secured(t, srv)
				require.Contains(t, text(f), "<channel-binding type='"+kind+"'/>")
				last, signed := attempt{mechanism: h + "-PLUS", flag: "p=" + kind, user: "a.b", password: "secret", data: c.binding(kind)}.run(c)
				require.Equal(t, "success", last.Local(), text(last))
				require.True(t, signed)
			}
		}
	})
}

// binding returns the client's view of the channel.
func (c *rawClient) binding(kind string) []byte {
	state := c.tls.ConnectionState()
	if kind == "tls-exporter" {
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		require.NoError(c.t, err)
		return data
	}
	h := sha256.Sum256(state.PeerCertificates[0].Raw)
	return h[:]
}

func TestSCRAMRefusals(t *testing.T) {
	good := attempt{mechanism: "SCRAM-SHA-256", flag: "n", user: "romeo", password: "secret"}
	tests := []struct {
		name, want string
		change     func(*attempt)
	}{
		{"wrong password", "not-authorized", func(a *attempt) { a.password = "Secret" }},
		{"unknown user", "not-authorized", func(a *attempt) { a.user = "nobody" }},
		{"y though PLUS was offered", "malformed-request", func(a *attempt) { a.flag = "y" }},
		{"PLUS without binding", "malformed-request", func(a *attempt) { a.mechanism += "-PLUS" }},
		{"unknown binding", "malformed-request", func(a *attempt) { a.mechanism += "-PLUS"; a.flag = "p=tls-unique" }},
		{"wrong binding", "not-authorized", func(a *attempt) { a.mechanism += "-PLUS"; a.flag = "p=tls-exporter"; a.data = make([]byte, 32) }},
		{"for somebody else", "invalid-authzid", func(a *attempt) { a.authzid = "juliet@localhost" }},
		{"not offered", "invalid-mechanism", func(a *attempt) { a.mechanism = "SCRAM-MD5" }},
		{"good", "", func(a *attempt) { a.authzid = "romeo@localhost" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{Accounts: map[string]string{"romeo": "secret"}})
				c, _ := secured(t, srv)
				a := good
				tt.change(&a)
				last, signed := a.run(c)
				if tt.want == "" {
					require.True(t, signed)
					return
				}
				require.Equal(t, "failure", last.Local())
				require.Equal(t, tt.want, last.First().Local())
			})
		})
	}
}

func TestFailuresAreCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c, _ := secured(t, srv)
		for range 5 {
			require.Equal(t, "failure", c.plain("romeo", "wrong").Local())
		}
		c.ended("policy-violation")
	})
}

func TestOtherMechanisms(t *testing.T) {
	everywhere(t, xmpptest.Options{Mechanisms: []string{"OAUTHBEARER", "ANONYMOUS", "EXTERNAL"}}, func(t *testing.T, srv *xmpptest.Server) {
		require.NoError(t, srv.AddAccount("romeo", "token"))
		auth := func(c *rawClient, mechanism, message string) xmlstream.Element {
			c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>", mechanism, message)
			return c.next()
		}
		c, f := secured(t, srv)
		require.NotContains(t, text(f), "EXTERNAL", "no certificate was shown")
		require.NotContains(t, text(f), "PLAIN")
		require.Equal(t, "success", auth(c, "OAUTHBEARER", b64("n,a=romeo@localhost,\x01auth=Bearer token\x01\x01")).Local())

		c, _ = secured(t, srv)
		raw, _ := base64.StdEncoding.DecodeString(auth(c, "OAUTHBEARER", b64("n,,\x01auth=Bearer Token\x01\x01")).Text())
		require.JSONEq(t, `{"status":"invalid_token"}`, string(raw))
		c.send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AQ==</response>")
		c.expect("<failure", "not-authorized")

		require.Equal(t, "success", auth(c, "ANONYMOUS", "=").Local())
		c.r.Restart()
		c.open()
		require.Contains(t, text(c.bind("phone")), "@localhost/phone")
	})
}

func TestExternal(t *testing.T) {
	everywhere(t, xmpptest.Options{Mechanisms: []string{"EXTERNAL"}}, func(t *testing.T, srv *xmpptest.Server) {
		require.NoError(t, srv.AddAccount("romeo", "unused"))
		for user, want := range map[string]string{"romeo": "success", "nobody": "failure"} {
			cert, err := srv.ClientCertificate(user)
			require.NoError(t, err)
			c := dial(t, srv, srv.DirectTLSAddr())
			require.NoError(t, c.handshake(&tls.Config{Certificates: []tls.Certificate{cert}}))
			require.Contains(t, text(c.open()), "EXTERNAL")
			c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>")
			require.Equal(t, want, c.next().Local())
		}
	})
}
