package xmpp_test

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
)

var update = flag.Bool("update", false, "write testdata/defaults.golden as it is now")

// effects say what each field of the configuration means when it is zero, as far as that is not the field's own value in a connection that was made
// without it. They ask the library: nothing here is written down.
var effects = map[string]func(e xmpp.Effective) string{
	"Address":  func(e xmpp.Effective) string { return e.Configuration().Address.String() },
	"Password": func(e xmpp.Effective) string { return e.Configuration().Password.Reveal() },
	"Token":    func(e xmpp.Effective) string { return e.Configuration().Token.Reveal() },
	"Resend": func(e xmpp.Effective) string {
		return fmt.Sprintf("again, rather twice than never: %t", e.Configuration().Resend == xmpp.ResendUnknown)
	},
	"Credentials": isNil, "TLS": tlsDefaults, "Trace": isNil, "OnPanic": isNil, "OnError": isNil,
	"Dialer":   func(e xmpp.Effective) string { return fmt.Sprintf("%T", e.Dialer()) },
	"Resolver": func(e xmpp.Effective) string { return fmt.Sprintf("%T", e.Resolver()) },
	"Store":    func(e xmpp.Effective) string { return fmt.Sprintf("%T", e.Configuration().Store) },
	"Port":     func(e xmpp.Effective) string { return endpoints(e) },
	"Security": func(e xmpp.Effective) string {
		return fmt.Sprintf("TLS, verified: %t", e.Configuration().Security == xmpp.SecurityTLS)
	},
	"Mechanisms":   usable,
	"ResendWindow": func(e xmpp.Effective) string { return e.ResendWindow().String() },
	"Logger": func(e xmpp.Effective) string {
		return fmt.Sprintf("hears errors: %t", e.Configuration().Logger.Enabled(context.Background(), slog.LevelError))
	},
	"Limits": limits,
}

func isNil(xmpp.Effective) string { return "none" }

func tlsDefaults(e xmpp.Effective) string {
	var all []string
	for _, direct := range []bool{false, true} {
		c, err := e.TLS(direct)
		if err != nil {
			return err.Error()
		}
		all = append(all, fmt.Sprintf("from %s, for %s, unverified: %t, ALPN %v, system's roots: %t, own verification: %t, renegotiation: %d",
			tls.VersionName(c.MinVersion), c.ServerName, c.InsecureSkipVerify, c.NextProtos, c.RootCAs == nil, c.VerifyConnection != nil || c.VerifyPeerCertificate != nil, c.Renegotiation))
	}
	return strings.Join(all, "; direct: ")
}

// endpoints are where a host without a port is reached.
func endpoints(e xmpp.Effective) string {
	at := e.Endpoint()
	return fmt.Sprintf("%d, direct TLS: %t", at.Port, at.DirectTLS)
}

// usable are the mechanisms that are selected where nothing better is offered.
func usable(e xmpp.Effective) string {
	var all []string
	for _, name := range sasl.Names() {
		p := &sasl.Params{Username: "u", Password: "p", Offered: []string{name}, AllowPlain: true,
			Bindings: []sasl.ChannelBinding{{Type: "tls-exporter", Data: []byte("x")}}, OfferedBindings: []string{"tls-exporter"}}
		if !strings.HasSuffix(name, "-PLUS") {
			p.Bindings, p.OfferedBindings = nil, nil
		}
		if m, err := sasl.Select(p, e.Configuration().Mechanisms); err == nil {
			all = append(all, m.Name)
		}
	}
	return strings.Join(all, " ")
}

// limits measures them.
func limits(e xmpp.Effective) string {
	lim := e.Limits()
	most := func(top int, doc func(n int) string) int {
		n := sort.Search(top, func(n int) bool {
			_, err := xmlstream.Parse(doc(n+1), lim)
			return err != nil
		})
		return n
	}
	return fmt.Sprintf("StanzaBytes %d, Elements %d, Depth %d, Attributes %d, StartTagBytes %d",
		most(1<<26, func(n int) string { return "<a>" + strings.Repeat("x", max(n-7, 0)) + "</a>" }),
		most(1<<20, func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" }),
		most(1<<12, func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }),
		most(1<<12, func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, " a%d=''", i)
			}
			return "<a" + b.String() + "/>"
		}),
		most(1<<20, func(n int) string { return "<a b='" + strings.Repeat("x", max(n-9, 0)) + "'/>" }))
}

// TestDefaults is S242: every field of the zero configuration and what it comes to. A field that is new needs a line in the golden file, and so somebody who
// has thought about it. What the lines mean on a stream is what TestHostile/S242 looks at.
func TestDefaults(t *testing.T) {
	c, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Address: jid.MustParse("romeo@montague.example")})
	require.NoError(t, err)
	defer c.Close()
	e := xmpp.EffectiveOf(c)
	var b strings.Builder
	known := 0
	cfg := reflect.ValueOf(e.Configuration())
	for _, f := range reflect.VisibleFields(cfg.Type()) {
		value := fmt.Sprintf("%v", cfg.FieldByIndex(f.Index))
		if effect, ok := effects[f.Name]; ok {
			value = effect(e)
			known++
		} else {
			require.NotContains(t, []reflect.Kind{reflect.Func, reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice}, f.Type.Kind(), "%s: say in the table what it means when it is zero", f.Name)
		}
		if f.Type.Kind() == reflect.String {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&b, "%s: %s\n", f.Name, value)
	}
	require.Equal(t, len(effects), known, "the table has fields that the configuration has not")
	features := slices.Sorted(c.Features())
	fmt.Fprintf(&b, "announced without an extension: %v\n", features)

	const golden = "testdata/defaults.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "what the zero configuration does has changed")
}
