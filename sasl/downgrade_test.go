package sasl_test

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

var (
	exporter = sasl.ChannelBinding{Type: "tls-exporter", Data: []byte("THIS IS FAKE CB DATA")}
	endPoint = sasl.ChannelBinding{Type: "tls-server-end-point", Data: []byte("hash")}
)

// TestXEP0474 is the example of XEP-0474 and, with "t", that of XEP-0515.
func TestXEP0474(t *testing.T) {
	const (
		nonce       = "12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6"
		serverNonce = nonce + "a09117a6-ac50-4f2f-93f1-93799c2bddf6"
		serverFirst = "r=" + serverNonce + ",s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08="
		withoutTail = "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,r=" + serverNonce
	)
	newParams := func() *sasl.Params {
		p := params("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
		p.Bindings = []sasl.ChannelBinding{exporter, endPoint}
		p.OfferedBindings = []string{"tls-server-end-point", "tls-exporter"}
		p.Nonce, p.TLSVersion = fixed(nonce), 0x0304
		return p
	}
	t.Run("S034 with TLS version", func(t *testing.T) {
		x, message := begin(t, newParams())
		require.Equal(t, "p=tls-exporter,,n=user,r="+nonce, string(message))
		message, err := x.Next([]byte(serverFirst + ",t=0304"))
		require.NoError(t, err)
		require.Equal(t, withoutTail+",p=KHUfN8dSy1K95crT4D5y1ItLJfs=", string(message))
		require.NoError(t, x.Finish([]byte("v=3w34ZIMVRkx2f2Ozb3/ecRPVdv4=")))
	})
	t.Run("S033 printed proof, which has an attribute more", func(t *testing.T) {
		salt, err := base64.StdEncoding.DecodeString("QSXCR+Q6sek8bf92")
		require.NoError(t, err)
		auth := "n=user,r=" + nonce + "," + serverFirst + "," + withoutTail + ",x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3"
		proof, signature, err := sasl.ProofSHA1("pencil", salt, 4096, auth)
		require.NoError(t, err)
		require.Equal(t, "M/SIDjT+dfcxUh89jZEypRvFxB4=", base64.StdEncoding.EncodeToString(proof))
		require.Equal(t, "MQrMPvv7yv4x4Cq4W4Ih25EqS2c=", base64.StdEncoding.EncodeToString(signature))
	})
	tampered := map[string]func(p *sasl.Params){
		"S033 mechanism stripped": func(p *sasl.Params) { p.Offered = []string{"SCRAM-SHA-1-PLUS"} },
		"S033 mechanism added":    func(p *sasl.Params) { p.Offered = append(p.Offered, "PLAIN") },
		"S033 type stripped":      func(p *sasl.Params) { p.OfferedBindings = []string{"tls-exporter"} },
		"S033 type replaced":      func(p *sasl.Params) { p.OfferedBindings[0] = "tls-dummy" },
		"S033 types stripped":     func(p *sasl.Params) { p.OfferedBindings = nil },
		"S033 types emptied":      func(p *sasl.Params) { p.OfferedBindings = []string{} },
		"S033 separator in a name": func(p *sasl.Params) {
			// The same hash, and no channel binding to be seen.
			p.Offered = []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point"}
			p.OfferedBindings = nil
		},
		"S034 other version of TLS": func(p *sasl.Params) { p.TLSVersion = 0x0303 },
	}
	for name, tamper := range tampered {
		t.Run(name, func(t *testing.T) {
			p := newParams()
			tamper(p)
			x, _ := begin(t, p)
			response, err := x.Next([]byte(serverFirst + ",t=0304"))
			require.ErrorIs(t, err, sasl.ErrDowngrade)
			require.Nil(t, response, "the proof was sent")
		})
	}
	t.Run("S033 the order does not matter", func(t *testing.T) {
		p := newParams()
		slices.Reverse(p.Offered)
		slices.Reverse(p.OfferedBindings)
		x, _ := begin(t, p)
		_, err := x.Next([]byte(serverFirst))
		require.NoError(t, err)
	})
	t.Run("S033 malformed", func(t *testing.T) {
		for _, hash := range []string{"G6k/rBLDqgOhRRaCuuatSDFkJ08", "====", "x"} {
			x, _ := begin(t, newParams())
			_, err := x.Next([]byte(strings.Replace(serverFirst, "G6k/rBLDqgOhRRaCuuatSDFkJ08=", hash, 1)))
			require.ErrorIs(t, err, sasl.ErrDowngrade)
		}
	})
	t.Run("S034 unknown own version", func(t *testing.T) {
		p := newParams()
		p.TLSVersion = 0
		x, _ := begin(t, p)
		_, err := x.Next([]byte(serverFirst + ",t=0303"))
		require.NoError(t, err)
	})
	t.Run("the caller's later changes change nothing", func(t *testing.T) {
		p := newParams()
		x, _ := begin(t, p)
		p.Offered[0], p.OfferedBindings = "PLAIN", nil
		_, err := x.Next([]byte(serverFirst))
		require.NoError(t, err)
	})
}

// listHash is XEP-0474's hash for SHA-1, written anew.
func listHash(input string) string {
	sum := sha1.Sum([]byte(input))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestListHashWithoutTypes(t *testing.T) {
	for name, hash := range map[string]string{
		"none announced":  listHash("PLAIN\x1eSCRAM-SHA-1"),
		"empty announced": listHash("PLAIN\x1eSCRAM-SHA-1\x1f"),
	} {
		p := params("SCRAM-SHA-1", "PLAIN")
		if name == "empty announced" {
			p.OfferedBindings = []string{}
		}
		x, message := begin(t, p)
		_, err := x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ",h="+hash))
		require.NoError(t, err, name)
	}
}

// TestBindingTable is S035: own channel binding, -PLUS offered, types offered.
func TestBindingTable(t *testing.T) {
	own := map[string][]sasl.ChannelBinding{"own": {exporter, endPoint}, "none": nil}
	types := map[string][]string{
		"absent":   nil,
		"common":   {"tls-unique", "tls-exporter"},
		"foreign":  {"tls-unique"},
		"endpoint": {"tls-unique", "tls-server-end-point"},
	}
	tests := []struct {
		own, types string
		plus       bool
		flag       string // start of the first message; empty: ErrDowngrade
		mechanism  string
		needHash   bool
	}{
		{"none", "absent", false, "n,", "SCRAM-SHA-1", false},
		{"none", "absent", true, "n,", "SCRAM-SHA-1", false},
		{"none", "common", false, "n,", "SCRAM-SHA-1", false},
		{"none", "common", true, "n,", "SCRAM-SHA-1", false},
		{"none", "foreign", false, "n,", "SCRAM-SHA-1", false},
		{"none", "foreign", true, "n,", "SCRAM-SHA-1", false},
		{"none", "endpoint", false, "n,", "SCRAM-SHA-1", false},
		{"none", "endpoint", true, "n,", "SCRAM-SHA-1", false},
		{"own", "absent", false, "y,", "SCRAM-SHA-1", false},
		{"own", "absent", true, "n,", "SCRAM-SHA-1", false},
		{"own", "common", false, "", "", false},
		{"own", "common", true, "p=tls-exporter,", "SCRAM-SHA-1-PLUS", false},
		{"own", "foreign", false, "", "", false},
		{"own", "foreign", true, "n,", "SCRAM-SHA-1", true},
		{"own", "endpoint", false, "", "", false},
		{"own", "endpoint", true, "p=tls-server-end-point,", "SCRAM-SHA-1-PLUS", false},
	}
	for _, test := range tests {
		name := "S035 " + test.own + " " + test.types
		p := params("SCRAM-SHA-1")
		if test.plus {
			p.Offered = append(p.Offered, "SCRAM-SHA-1-PLUS")
			name += " plus"
		}
		p.Bindings, p.OfferedBindings = own[test.own], types[test.types]
		t.Run(name, func(t *testing.T) {
			if test.flag == "" {
				_, err := sasl.Select(p, nil)
				require.ErrorIs(t, err, sasl.ErrDowngrade)
				return
			}
			m, err := sasl.Select(p, nil)
			require.NoError(t, err)
			require.Equal(t, test.mechanism, m.Name)
			require.Equal(t, strings.HasPrefix(test.flag, "p"), m.Binding != "")
			x, message := begin(t, p)
			require.True(t, strings.HasPrefix(string(message), test.flag), "%s", message)
			response, err := x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ""))
			if test.needHash {
				require.ErrorIs(t, err, sasl.ErrDowngrade)
				require.Nil(t, response)
				return
			}
			require.NoError(t, err)
		})
		t.Run(name+" strict", func(t *testing.T) {
			strict := *p
			strict.StrictBinding = true
			_, err := sasl.Select(&strict, nil)
			switch {
			case test.flag == "":
				require.ErrorIs(t, err, sasl.ErrDowngrade)
			case test.flag[0] == 'p':
				require.NoError(t, err)
			default:
				require.ErrorIs(t, err, sasl.ErrNoBinding, "S038")
			}
		})
	}
	// By SASL2 the same table but for one row: mechanisms with channel binding and no types are an attack (rule 4).
	for _, test := range tests {
		p := params("SCRAM-SHA-1")
		if test.plus {
			p.Offered = append(p.Offered, "SCRAM-SHA-1-PLUS")
		}
		p.Bindings, p.OfferedBindings, p.SASL2 = own[test.own], types[test.types], true
		m, err := sasl.Select(p, nil)
		if test.flag == "" || test.own == "own" && test.types == "absent" && test.plus {
			require.ErrorIs(t, err, sasl.ErrDowngrade, "S035 SASL2 %s %s %v", test.own, test.types, test.plus)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, test.mechanism, m.Name)
	}
	t.Run("S035 foreign types, proved", func(t *testing.T) {
		p := params("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
		p.Bindings, p.OfferedBindings = own["own"], types["foreign"]
		x, message := begin(t, p)
		hash := listHash("SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-unique")
		_, err := x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ",h="+hash))
		require.NoError(t, err)
	})
	t.Run("S036 the caller passes -PLUS over", func(t *testing.T) {
		p := params("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
		p.Bindings, p.OfferedBindings = own["own"], types["common"]
		x, message := begin(t, p, "SCRAM-SHA-1")
		require.True(t, strings.HasPrefix(string(message), "n,"), "a server that offers -PLUS takes y for an attack")
		_, err := x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ""))
		require.NoError(t, err, "it was the caller's choice, which needs no proof of the lists")
	})
	t.Run("unsound bindings do not count", func(t *testing.T) {
		p := params("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
		p.Bindings = []sasl.ChannelBinding{{Type: "tls-exporter"}, {Type: "a,b", Data: []byte("x")}, {Data: []byte("x")}}
		p.OfferedBindings = []string{"tls-exporter", "a,b", ""}
		_, message := begin(t, p)
		require.True(t, strings.HasPrefix(string(message), "n,,"))
	})
}

func TestPin(t *testing.T) {
	allowed := []string{"PLAIN", "SCRAM-SHA-1", "EXTERNAL", "ANONYMOUS", "OAUTHBEARER"}
	var pin sasl.Pin
	require.Equal(t, pin, pin.After("PLAIN"))
	require.Equal(t, pin, pin.After("OAUTHBEARER"))
	for _, strong := range []string{"SCRAM-SHA-256", "EXTERNAL", "HT-SHA-256-NONE"} {
		require.Equal(t, sasl.PinStrong, pin.After(strong), strong)
	}
	for _, bound := range []string{"SCRAM-SHA-256-PLUS", "HT-SHA-256-EXPR", "HT-SHA-256-ENDP"} {
		require.Equal(t, sasl.PinBound, pin.After(bound), bound)
		require.Equal(t, sasl.PinBound, sasl.PinStrong.After(bound), bound)
	}
	require.Equal(t, sasl.PinStrong, sasl.PinStrong.After("PLAIN"))
	require.Equal(t, sasl.PinBound, sasl.PinBound.After("SCRAM-SHA-1"))
	t.Run("S035 types that are no longer announced", func(t *testing.T) {
		p := params("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS")
		p.Bindings = []sasl.ChannelBinding{{Type: "tls-exporter", Data: []byte("x")}}
		_, message := begin(t, p, "SCRAM-SHA-1")
		require.True(t, strings.HasPrefix(string(message), "n,,"), "the twin: an older server, which never announced them")
		p.Pin = sasl.PinBound
		m, err := sasl.Select(p, nil)
		if err == nil {
			_, err = m.New(p)
		}
		require.ErrorIs(t, err, sasl.ErrDowngrade)
	})

	for _, pin := range []sasl.Pin{sasl.PinStrong, sasl.PinBound, sasl.Pin([]byte(sasl.PinStrong)), "damaged"} {
		for _, weak := range []string{"PLAIN", "ANONYMOUS", "OAUTHBEARER"} {
			p := params(weak)
			p.Token = "token"
			m, err := sasl.Select(p, allowed)
			require.NoError(t, err, "the twin without a pin")
			p.Pin = pin
			_, err = sasl.Select(p, allowed)
			require.ErrorIs(t, err, sasl.ErrDowngrade, "S031 %s", weak)
			_, err = sasl.Select(p, nil)
			require.ErrorIs(t, err, sasl.ErrDowngrade, "S031 %s, not even allowed", weak)
			_, err = m.New(p)
			require.ErrorIs(t, err, sasl.ErrDowngrade, "S031 %s, chosen before", weak)
		}
		for _, strong := range []string{"SCRAM-SHA-1", "EXTERNAL"} {
			p := params(strong, "PLAIN")
			p.Pin = pin
			m, err := sasl.Select(p, allowed)
			require.NoError(t, err)
			require.Equal(t, strong, m.Name)
		}
	}
	t.Run("a decoy does not help", func(t *testing.T) {
		p := params("EXTERNAL", "PLAIN")
		p.Pin = sasl.PinStrong
		for _, allowed := range [][]string{nil, {"PLAIN"}} {
			_, err := sasl.Select(p, allowed)
			require.ErrorIs(t, err, sasl.ErrDowngrade)
		}
	})
	t.Run("nothing offered", func(t *testing.T) {
		p := params()
		p.Pin = sasl.PinStrong
		_, err := sasl.Select(p, nil)
		require.ErrorIs(t, err, sasl.ErrDowngrade)
	})
	t.Run("an account that has only a token now", func(t *testing.T) {
		p := params("OAUTHBEARER")
		p.Password, p.Token, p.Pin = "", "token", sasl.PinStrong
		_, err := sasl.Select(p, nil)
		require.NoError(t, err)
	})
}
