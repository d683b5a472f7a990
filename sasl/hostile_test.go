package sasl_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

// TestServerFirst is every server-first-message that must end the exchange
// before the proof is sent. N stands for the client's nonce.
func TestServerFirst(t *testing.T) {
	tests := []struct{ name, message, field string }{
		{"S039 other nonce", "r=XNabc,s=QSXC,i=4096", "nonce"},
		{"S039 nothing appended", "r=N,s=QSXC,i=4096", "nonce"},
		{"S039 shorter", "r=Nonc,s=QSXC,i=4096", "nonce"},
		{"S039 blank", "r=Na b,s=QSXC,i=4096", "nonce"},
		{"S039 control", "r=Na\x7f,s=QSXC,i=4096", "nonce"},
		{"S039 not ASCII", "r=Né,s=QSXC,i=4096", "nonce"},
		{"S041 zero", "r=Nx,s=QSXC,i=0", "iteration count"},
		{"S041 one", "r=Nx,s=QSXC,i=1", "iteration count"},
		{"S041 just below", "r=Nx,s=QSXC,i=4095", "iteration count"},
		{"S041 negative", "r=Nx,s=QSXC,i=-5", "iteration count"},
		{"S041 trailing letters", "r=Nx,s=QSXC,i=4096abc", "iteration count"},
		{"S041 sign", "r=Nx,s=QSXC,i=+4096", "iteration count"},
		{"S041 exponent", "r=Nx,s=QSXC,i=1e9", "iteration count"},
		{"S041 hexadecimal", "r=Nx,s=QSXC,i=0x2000", "iteration count"},
		{"S041 leading zero", "r=Nx,s=QSXC,i=04096", "iteration count"},
		{"S041 underscore", "r=Nx,s=QSXC,i=4_096", "iteration count"},
		{"S041 blank", "r=Nx,s=QSXC,i= 4096", "iteration count"},
		{"S041 other digits", "r=Nx,s=QSXC,i=٤٠٩٦", "iteration count"},
		{"S041 absent", "r=Nx,s=QSXC", "first message"},
		{"S041 empty", "r=Nx,s=QSXC,i=", "message"},
		{"S042 just above", "r=Nx,s=QSXC,i=1000001", "iteration count"},
		{"S042 most", "r=Nx,s=QSXC,i=2147483647", "iteration count"},
		{"S042 overflow", "r=Nx,s=QSXC,i=18446744073709555712", "iteration count"},
		{"S044 mandatory extension", "m=x,r=Nx,s=QSXC,i=4096", "message"},
		{"S044 mandatory extension late", "r=Nx,s=QSXC,i=4096,m=x", "message"},
		{"empty", "", "message"},
		{"order", "s=QSXC,r=Nx,i=4096", "first message"},
		{"no salt", "r=Nx,i=4096,s=QSXC", "first message"},
		{"empty salt", "r=Nx,s=,i=4096", "message"},
		{"salt not base64", "r=Nx,s=Q*XC,i=4096", "salt"},
		{"salt over lines", "r=Nx,s=QS\nXC,i=4096", "salt"},
		{"salt unpadded", "r=Nx,s=QSX,i=4096", "salt"},
		{"salt with stray bits", "r=Nx,s=QSF=,i=4096", "salt"},
		{"nonce twice", "r=Nx,s=QSXC,i=4096,r=Nx", "first message"},
		{"salt twice", "r=Nx,s=QSXC,i=4096,s=QSXC", "first message"},
		{"count twice", "r=Nx,s=QSXC,i=4096,i=8192", "first message"},
		{"hash twice", "r=Nx,s=QSXC,i=4096,h=a,h=b", "first message"},
		{"TLS twice", "r=Nx,s=QSXC,i=4096,t=0304,t=0303", "first message"},
		{"trailing comma", "r=Nx,s=QSXC,i=4096,", "message"},
		{"no letter", "r=Nx,s=QSXC,i=4096,1=x", "message"},
		{"NUL", "r=Nx,s=QSXC,i=4096,z=\x00", "message"},
		{"not UTF-8", "r=Nx,s=QSXC,i=4096,z=\xff", "message"},
		{"too long", "r=Nx,s=QSXC,i=4096,z=" + strings.Repeat("x", 10_000), "message"},
		{"server-final", "v=QSXC", "first message"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := params("SCRAM-SHA-512")
			asked := &askedKeys{}
			p.Nonce, p.Keys = fixed("Nonce"), asked
			x, _ := begin(t, p)
			response, err := x.Next([]byte(strings.Replace(test.message, "r=N", "r=Nonce", 1)))
			if test.name == "S039 shorter" {
				x, _ = begin(t, p)
				asked.n = 0
				response, err = x.Next([]byte(test.message))
			}
			require.Zero(t, asked.n, "a key was wanted")
			require.Nil(t, response, "something was sent")
			var broken *sasl.ProtocolError
			require.ErrorAs(t, err, &broken)
			require.Equal(t, test.field, broken.Field)
			_, err = x.Next([]byte("r=Noncex,s=QSXC,i=4096"))
			require.ErrorIs(t, err, sasl.ErrState, "an ended exchange went on")
			require.Error(t, x.Finish([]byte("v=QSXC")))
		})
	}
	t.Run("bounds are inside", func(t *testing.T) {
		for _, count := range []string{"4096", "5000"} {
			p := params("SCRAM-SHA-1")
			p.Nonce, p.MaxIterations = fixed("Nonce"), 5000
			x, _ := begin(t, p)
			_, err := x.Next([]byte("r=Noncex,s=QSXC,i=" + count))
			require.NoError(t, err)
		}
	})
	t.Run("bounds of the caller", func(t *testing.T) {
		p := params("SCRAM-SHA-1")
		p.Nonce, p.MinIterations = fixed("Nonce"), 10_000
		x, _ := begin(t, p)
		_, err := x.Next([]byte("r=Noncex,s=QSXC,i=9999"))
		require.ErrorContains(t, err, "10000")
	})
}

// TestServerSignature is every end without proof that the server knows the keys.
func TestServerSignature(t *testing.T) {
	s := newServer("SCRAM-SHA-1", "pencil")
	other := newServer("SCRAM-SHA-1", "pencil")
	_, message := begin(t, params("SCRAM-SHA-1"))
	other.challenge(message, "")
	tests := map[string]func(valid string) []byte{
		"no data":       func(string) []byte { return nil },
		"empty":         func(string) []byte { return []byte{} },
		"wrong":         func(string) []byte { return []byte("v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=") },
		"short":         func(v string) []byte { return []byte(v[:6]) },
		"empty value":   func(string) []byte { return []byte("v=") },
		"not base64":    func(string) []byte { return []byte("v=****") },
		"not first":     func(v string) []byte { return []byte("x=y," + v) },
		"another name":  func(v string) []byte { return []byte("w" + v[1:]) },
		"trailing data": func(v string) []byte { return []byte(v + ",") },
		"of another exchange": func(string) []byte {
			x, m := begin(t, params("SCRAM-SHA-1"))
			m, err := x.Next(other.challenge(m, ""))
			require.NoError(t, err)
			return other.verify(t, m)
		},
	}
	for name, additional := range tests {
		t.Run("S043 "+name, func(t *testing.T) {
			x, message := begin(t, params("SCRAM-SHA-1"))
			message, err := x.Next(s.challenge(message, ""))
			require.NoError(t, err)
			valid := s.verify(t, message)
			require.ErrorIs(t, x.Finish(additional(string(valid))), sasl.ErrServerSignature)
			require.Error(t, x.Finish(valid), "a failed exchange was revived")
		})
	}
	t.Run("S043 right after client-first", func(t *testing.T) {
		x, _ := begin(t, params("SCRAM-SHA-1"))
		require.ErrorIs(t, x.Finish(nil), sasl.ErrServerSignature)
	})
	t.Run("S043 before anything", func(t *testing.T) {
		p := params("SCRAM-SHA-1")
		m, err := sasl.Select(p, nil)
		require.NoError(t, err)
		x, err := m.New(p)
		require.NoError(t, err)
		require.ErrorIs(t, x.Finish([]byte("v=AAAA")), sasl.ErrServerSignature)
	})
}

func TestServerError(t *testing.T) {
	tests := []struct {
		value string
		want  error
	}{
		{"invalid-proof", sasl.NotAuthorized},
		{"unknown-user", sasl.NotAuthorized},
		{"no-resources", sasl.TemporaryAuthFailure},
		{"invalid-encoding", sasl.MalformedRequest},
		{"server-does-support-channel-binding", sasl.ErrDowngrade},
		{"made-up", sasl.NotAuthorized},
	}
	for _, test := range tests {
		t.Run(test.value, func(t *testing.T) {
			x, _ := begin(t, params("SCRAM-SHA-1"))
			_, err := x.Next([]byte("e=" + test.value))
			require.ErrorIs(t, err, test.want)
			require.NotContains(t, err.Error(), "made-up")

			x, message := begin(t, params("SCRAM-SHA-1"))
			_, err = x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ""))
			require.NoError(t, err)
			require.ErrorIs(t, x.Finish([]byte("e="+test.value)), test.want)
		})
	}
}

// TestConstantTime reads the sources: what is secret is compared with hmac.Equal.
func TestConstantTime(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	equal := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, word := range []string{"bytes.Equal", "bytes.Compare", "reflect.DeepEqual", "slices.Equal"} {
			require.NotContains(t, string(raw), word, "S047 %s", file)
		}
		equal += strings.Count(string(raw), "hmac.Equal(")
	}
	require.Equal(t, 3, equal, "S047: the signature, the hash of the lists, and the responder of HT")
}

func TestBase64OfProofIsWhole(t *testing.T) {
	x, message := begin(t, params("SCRAM-SHA-512"))
	message, err := x.Next(newServer("SCRAM-SHA-512", "pencil").challenge(message, ""))
	require.NoError(t, err)
	_, proof, _ := strings.Cut(string(message), ",p=")
	raw, err := base64.StdEncoding.DecodeString(proof)
	require.NoError(t, err)
	require.Len(t, raw, 64)
}

// askedKeys notes that a key was asked for, which comes right before it would be derived.
type askedKeys struct{ n int }

func (k *askedKeys) Get(string) ([]byte, bool) { k.n++; return nil, false }
func (k *askedKeys) Put(string, []byte)        {}
