package xmpp_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/internal/latency"
	"github.com/gosmack/xmpp/xmpptest"
)

// A stopwatch counts the round trips of logins.
type stopwatch struct {
	latency.Dialer
	bound atomic.Int64
}

func (s *stopwatch) watch(cfg *xmpp.ConnectionConfiguration) {
	s.Below, s.RTT = cfg.Dialer, 100*time.Millisecond
	cfg.Dialer = s
	cfg.Trace = func(e xmpp.TraceEvent) {
		text := string(e.Data)
		done := strings.Contains(text, "<bound ") || strings.Contains(text, "<resumed ") || strings.Contains(text, "<jid>")
		if !e.Out && done {
			s.bound.Store(int64(s.Rounds()))
		}
	}
}

// TestRoundTrips: what a login costs on xmpptest, in virtual time, after TCP.
func TestRoundTrips(t *testing.T) {
	tests := []struct {
		name                       string
		options                    *xmpptest.Options
		bind2                      bool
		change                     with
		first, returning, resuming int // on direct TLS; 0: not of interest
	}{
		{"RFC 6120", nil, false, nil, 6, 6, 6},
		{"SASL2 and FAST, Bind 2", modern(), true, nil, 4, 2, 2},
		{"SASL2 and FAST", modern(), false, nil, 5, 3, 2},
		{"SASL2 without FAST, Bind 2", &xmpptest.Options{Bind2: true}, true, nil, 4, 3, 3},
		{"SASL2, switched off", modern(), true, func(c *xmpp.ConnectionConfiguration) { c.DisableSASL2 = true }, 6, 6, 6},
	}
	t.Logf("%-10s %-28s %8s %10s %10s   (until bound; Login one more)", "", "", "first", "returning", "resuming")
	for _, tt := range tests {
		for _, direct := range []bool{true, false} {
			name, more := "direct TLS", 0
			if !direct {
				name, more = "STARTTLS", 2
			}
			var got [3]int
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, tt.options)
				store := xmpp.NewMemoryStore()
				login := func() (*xmpp.Connection, *stopwatch) {
					s := new(stopwatch)
					c := offline(t, srv, "romeo", stores(store), func(cfg *xmpp.ConnectionConfiguration) {
						cfg.Port = 5222 + btoi(direct)
						if tt.change != nil {
							tt.change(cfg)
						}
						s.watch(cfg)
					})
					if tt.bind2 {
						c.Use(catches())
					}
					require.NoError(t, c.Login(t.Context(), "", ""))
					online := s.Elapsed()
					require.InDelta(t, s.bound.Load()+1, online, 0.01, "Login returns one later")
					return c, s
				}
				c, s := login()
				got[0] = int(s.bound.Load())
				time.Sleep(time.Second) // virtual
				require.NoError(t, c.Close())

				c, s = login()
				got[1] = int(s.bound.Load())
				time.Sleep(time.Second) // virtual
				srv.Drop("romeo")
				eventually(t, time.Minute, func() bool { return c.State() == xmpp.Reconnecting })
				eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
				got[2] = int(s.bound.Load())
				require.NoError(t, c.Close())
				time.Sleep(time.Second) // for what is on its way
			})
			t.Logf("%-10s %-28s %8d %10d %10d", name, tt.name, got[0], got[1], got[2])
			require.Equal(t, fmt.Sprint([]int{tt.first + more, tt.returning + more, tt.resuming + more}), fmt.Sprint(got), "%s, %s", tt.name, name)
		}
	}
}
