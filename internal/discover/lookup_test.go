package discover_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

const (
	direct   = "xmpps-client tcp example.org."
	startTLS = "xmpp-client tcp example.org."
)

func srv(target string, port, priority uint16) *net.SRV {
	return &net.SRV{Target: target, Port: port, Priority: priority}
}

func endpoint(host string, port uint16, directTLS bool) discover.Endpoint {
	return discover.Endpoint{Host: host, Port: port, DirectTLS: directTLS}
}

func TestLookup(t *testing.T) {
	itself := []discover.Endpoint{endpoint("example.org", 5222, false)}
	one := zone{srv: []*net.SRV{srv("x.example.org.", 5222, 5)}}
	dot := zone{srv: []*net.SRV{srv(".", 0, 0)}}
	for name, c := range map[string]struct {
		zones map[string]zone
		want  []discover.Endpoint
		err   error
		text  string
		took  time.Duration
	}{
		"no records":                           {want: itself},
		"empty answers":                        {zones: map[string]zone{direct: {}, startTLS: {}}, want: itself},
		"one service":                          {zones: map[string]zone{startTLS: one}, want: []discover.Endpoint{endpoint("x.example.org", 5222, false)}},
		"both absent (S020)":                   {zones: map[string]zone{direct: dot, startTLS: dot}, err: discover.ErrNoService, text: "example.org"},
		"one absent, no records for the other": {zones: map[string]zone{direct: dot}, err: discover.ErrNoService},
		"one absent, the other fails":          {zones: map[string]zone{direct: dot, startTLS: {err: servFail}}, err: servFail, text: "_xmpp-client"},
		"one absent":                           {zones: map[string]zone{direct: dot, startTLS: one}, want: []discover.Endpoint{endpoint("x.example.org", 5222, false)}},
		"merged by priority": {zones: map[string]zone{
			direct:   {srv: []*net.SRV{srv("c.example.org.", 443, 30), srv("a.example.org.", 5223, 10)}},
			startTLS: {srv: []*net.SRV{srv("d.example.org.", 5222, 40), srv("b.example.org.", 5222, 20)}},
		}, want: []discover.Endpoint{
			endpoint("a.example.org", 5223, true), endpoint("b.example.org", 5222, false),
			endpoint("c.example.org", 443, true), endpoint("d.example.org", 5222, false),
		}},
		"one fails, the other answers": {
			zones: map[string]zone{direct: {err: servFail}, startTLS: one},
			want:  []discover.Endpoint{endpoint("x.example.org", 5222, false)}, err: servFail, text: "_xmpps-client",
		},
		"one hangs, the other answers": {
			zones: map[string]zone{direct: {after: -1}, startTLS: one}, took: time.Second,
			want: []discover.Endpoint{endpoint("x.example.org", 5222, false)}, text: "no answer within a second",
		},
		"both fail": {zones: map[string]zone{direct: {err: servFail}, startTLS: {err: servFail}}, want: itself, err: servFail},
		"useless records": {zones: map[string]zone{startTLS: {srv: []*net.SRV{
			nil, srv("", 5222, 0), srv("no.port.", 0, 0), srv("192.0.2.1.", 5222, 0), srv("a b.", 5222, 0), srv("a..b.", 5222, 0),
		}}}, want: itself, text: "no usable target"},
		"records and an error": {
			zones: map[string]zone{startTLS: {srv: one.srv, err: servFail}},
			want:  []discover.Endpoint{endpoint("x.example.org", 5222, false)}, err: servFail,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resolver{zones: c.zones}
				start := time.Now()
				got, err := discover.Lookup(t.Context(), r, "example.org")
				require.Equal(t, c.want, got)
				require.Equal(t, c.took, time.Since(start))
				require.ElementsMatch(t, []string{direct, startTLS}, r.asked)
				if c.err == nil && c.text == "" {
					require.NoError(t, err)
				}
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
				}
				if c.text != "" {
					require.ErrorContains(t, err, c.text)
				}
			})
		})
	}
}

func TestLookupName(t *testing.T) {
	for domain, want := range map[string]struct {
		host  string
		asked int
		err   string
	}{
		"127.0.0.1":                     {host: "127.0.0.1"},
		"::1":                           {host: "::1"},
		"[2001:db8::1]":                 {host: "2001:db8::1"},
		"example.org.":                  {host: "example.org", asked: 2},
		"bücher.example":                {host: "xn--bcher-kva.example", asked: 2},
		"BÜCHER.example":                {host: "xn--bcher-kva.example", asked: 2},
		"":                              {err: "empty"},
		".":                             {err: "empty"},
		"a..b":                          {err: "empty label"},
		"a b":                           {err: "character"},
		"a\nb":                          {err: "character"},
		"ü\x00.example":                 {err: "internationalised"},
		strings.Repeat("a", 64):         {err: "63 bytes"},
		strings.Repeat("a.", 127) + "a": {err: "253 bytes"},
	} {
		t.Run(fmt.Sprintf("%.20q", domain), func(t *testing.T) {
			r := new(resolver)
			got, err := discover.Lookup(t.Context(), r, domain)
			require.Len(t, r.asked, want.asked)
			for _, q := range r.asked {
				require.True(t, strings.HasSuffix(q, " "+want.host+"."), q)
			}
			if want.err != "" {
				require.ErrorContains(t, err, want.err)
				require.Empty(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, []discover.Endpoint{endpoint(want.host, 5222, false)}, got)
		})
	}
}

func TestLookupObeysContext(t *testing.T) { // S022
	for name, c := range map[string]struct {
		z    zone
		took time.Duration
	}{
		"silent resolver": {zone{after: -1}, 3 * time.Second},
		"deaf resolver":   {zone{after: time.Hour, deaf: true}, 3*time.Second + 250*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resolver{zones: map[string]zone{direct: c.z, startTLS: c.z}}
				ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errBoom)
				defer cancel()
				start := time.Now()
				got, err := discover.Lookup(ctx, r, "example.org")
				require.ErrorIs(t, err, errBoom)
				require.Empty(t, got)
				require.Equal(t, c.took, time.Since(start))
				if c.z.deaf {
					time.Sleep(time.Hour) // of the bubble, which must not end before the resolver does
					synctest.Wait()
				}
				require.Zero(t, r.active.Load())
			})
		})
	}
}

func TestLookupBounds(t *testing.T) { // S020
	var many []*net.SRV
	for i := range 5000 {
		many = append(many, &net.SRV{Target: fmt.Sprintf("h%d.example.org.", i), Port: 5222, Weight: uint16(i)})
	}
	r := &resolver{zones: map[string]zone{direct: {srv: many}, startTLS: {srv: many}}}
	got, err := discover.Lookup(t.Context(), r, "example.org")
	require.NoError(t, err)
	require.Len(t, got, 16)
}

func TestOrder(t *testing.T) {
	records := []*net.SRV{
		{Target: "heavy", Port: 1, Weight: 60}, {Target: "light", Port: 1, Weight: 30},
		{Target: "zero", Port: 1}, {Target: "later", Port: 1, Priority: 1, Weight: 65535},
	}
	hosts := func(marks ...uint64) (got []string) {
		for _, e := range discover.Order(records, 16, func(n uint64) uint64 {
			m := marks[0]
			marks = marks[1:]
			require.Less(t, m, n)
			return m
		}) {
			got = append(got, e.Host)
		}
		return got
	}
	// The running sums are zero 0, heavy 60, light 90.
	require.Equal(t, []string{"zero", "heavy", "light", "later"}, hosts(0, 1, 30, 0))
	require.Equal(t, []string{"heavy", "zero", "light", "later"}, hosts(1, 0, 1, 65535))
	require.Equal(t, []string{"heavy", "light", "zero", "later"}, hosts(60, 1, 0, 1))
	require.Equal(t, []string{"light", "heavy", "zero", "later"}, hosts(61, 60, 0, 1))
	require.Equal(t, []string{"light", "zero", "heavy", "later"}, hosts(90, 0, 60, 1))

	same := []*net.SRV{{Target: "a.", Port: 1}, {Target: "a", Port: 1, Priority: 7}, {Target: "b", Port: 1, Priority: 8}}
	got := discover.Order(same, 16, func(uint64) uint64 { return 0 })
	require.Equal(t, []discover.Endpoint{endpoint("a", 1, false), endpoint("b", 1, false)}, got)
}
