package sasl_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

// vector is a whole SCRAM conversation, client first.
type vector struct {
	Label       string
	Digest      string
	User, Pass  string
	AuthID      string
	SkipPrep    bool `json:"skipSASLprep"`
	ClientNonce string
	Valid       bool
	Steps       []string
}

var embedded = []vector{
	{
		Label: "RFC 5802 §5", Digest: "SHA-1", User: "user", Pass: "pencil", Valid: true,
		ClientNonce: "fyko+d2lbbFgONRv9qkxdawL",
		Steps: []string{
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
	},
	{
		Label: "RFC 7677 §3", Digest: "SHA-256", User: "user", Pass: "pencil", Valid: true,
		ClientNonce: "rOprNGfwEbeRWgbNEkqO",
		Steps: []string{
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	},
}

func TestVectors(t *testing.T) {
	for _, v := range embedded {
		t.Run(v.Label, func(t *testing.T) { replay(t, v) })
	}
}

// TestVectorsFolder reads further conversations from the folder that
// XMPP_VECTORS names, one JSON object a line.
func TestVectorsFolder(t *testing.T) {
	folder := os.Getenv("XMPP_VECTORS")
	if folder == "" {
		t.Skip("XMPP_VECTORS names no folder; the embedded vectors were tested")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "scram.jsonl"))
	require.NoError(t, err)
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); n++ {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		t.Run(v.Label, func(t *testing.T) { replay(t, v) })
	}
	require.NotZero(t, n)
}

// replay runs the client's side. A valid conversation must match byte for byte and
// end well; in an invalid one the server refuses, and that must be reported as such.
func replay(t *testing.T, v vector) {
	p := params("SCRAM-" + v.Digest)
	p.Username, p.Password, p.AuthzID = v.User, sasl.Secret(v.Pass), v.AuthID
	p.Nonce = fixed(v.ClientNonce)
	m, err := sasl.Select(p, nil)
	require.NoError(t, err)
	x, err := m.New(p)
	require.NoError(t, err)
	if v.SkipPrep {
		sasl.SkipPrepare(x, v.User, v.Pass)
	}
	var challenge []byte
	for i, step := range v.Steps {
		switch {
		case i%2 == 0 && i < 3:
			got, err := x.Next(challenge)
			require.NoError(t, err)
			if v.Valid {
				require.Equal(t, step, string(got))
			}
		case i == 3:
			err = x.Finish([]byte(step))
		case strings.HasPrefix(step, "e="):
			_, err = x.Next([]byte(step))
		default:
			challenge = []byte(step)
		}
	}
	if v.Valid {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, sasl.NotAuthorized)
	require.Error(t, x.Finish(nil), "a refused exchange must not end well")
}

func TestEveryHash(t *testing.T) {
	for mechanism := range hashes {
		for _, plus := range []bool{false, true} {
			name := mechanism
			p := params(mechanism)
			s := newServer(mechanism, "pencil")
			if plus {
				name += "-PLUS"
				p.Offered = append(p.Offered, name)
				p.Bindings = []sasl.ChannelBinding{{Type: "tls-exporter", Data: []byte("\x00\xffdata")}}
				p.OfferedBindings = []string{"tls-exporter"}
				s.binding = "\x00\xffdata"
			}
			t.Run(name, func(t *testing.T) {
				m, err := sasl.Select(p, nil)
				require.NoError(t, err)
				require.Equal(t, name, m.Name)
				x, message := begin(t, p)
				message, err = x.Next(s.challenge(message, ""))
				require.NoError(t, err)
				require.NoError(t, x.Finish(s.verify(t, message)))
				require.ErrorIs(t, x.Finish(nil), sasl.ErrState)
			})
		}
	}
}

// TestSignatureInChallenge is a server that sends its final message as a
// challenge and then reports success without data.
func TestSignatureInChallenge(t *testing.T) {
	p := params("SCRAM-SHA-1")
	x, message := begin(t, p)
	s := newServer("SCRAM-SHA-1", "pencil")
	message, err := x.Next(s.challenge(message, ""))
	require.NoError(t, err)
	response, err := x.Next(s.verify(t, message))
	require.NoError(t, err)
	require.NotNil(t, response)
	require.Empty(t, response)
	require.NoError(t, x.Finish(nil))

	t.Run("wrong", func(t *testing.T) {
		x, message := begin(t, p)
		_, err := x.Next(s.challenge(message, ""))
		require.NoError(t, err)
		_, err = x.Next([]byte("v=AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
		require.ErrorIs(t, err, sasl.ErrServerSignature)
		require.Error(t, x.Finish(nil))
	})
}

func TestMessages(t *testing.T) {
	t.Run("S046 escaping", func(t *testing.T) {
		p := params("SCRAM-SHA-1")
		p.Username, p.AuthzID, p.Nonce = "a,b=c", "x,y=z", fixed("N")
		_, message := begin(t, p)
		require.Equal(t, "n,a=x=2Cy=3Dz,n=a=2Cb=3Dc,r=N", string(message))
	})
	t.Run("S044 unknown attributes are ignored", func(t *testing.T) {
		x, message := begin(t, params("SCRAM-SHA-1"))
		s := newServer("SCRAM-SHA-1", "pencil")
		message, err := x.Next(s.challenge(message, ",z=foo,d=old,q==,Q=1=2"))
		require.NoError(t, err)
		require.NoError(t, x.Finish(append(s.verify(t, message), ",x=y"...)))
	})
	t.Run("S040 nonce", func(t *testing.T) {
		seen := map[string]bool{}
		for range 10_000 {
			_, message := begin(t, params("SCRAM-SHA-1"))
			nonce := string(message[bytes.Index(message, []byte(",r="))+3:])
			require.GreaterOrEqual(t, len(nonce), 22)
			require.False(t, seen[nonce])
			seen[nonce] = true
		}
	})
	t.Run("nonce source", func(t *testing.T) {
		for _, nonce := range []string{"", "a,b", "a b", "é"} {
			p := params("SCRAM-SHA-1")
			p.Nonce = fixed(nonce)
			m, err := sasl.Select(p, nil)
			require.NoError(t, err)
			_, err = m.New(p)
			var input *sasl.InputError
			require.ErrorAs(t, err, &input)
			require.Equal(t, "nonce", input.Field)
		}
	})
}
