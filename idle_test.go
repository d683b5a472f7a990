package xmpp_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	childIdle = "XMPP_IDLE_SERVER"
	childTLS  = "XMPP_IDLE_TLS"
	idlers    = 200
)

// An idleCost is what one connection keeps while nothing happens.
type idleCost struct{ Heap, Stack, Goroutines float64 }

// beIdle logs in many times, which is done in a process without the server, and tells what each connection costs.
func beIdle(address string) error {
	var all []*xmpp.Connection
	config := &tls.Config{} // one for all, as a program would have it
	login := func(i int) error {
		host, port, _ := net.SplitHostPort(address)
		p, _ := strconv.Atoi(port)
		cfg := &xmpp.ConnectionConfiguration{Address: jid.MustParse(fmt.Sprintf("idler%d@localhost", i)), Password: "secret", Host: host, Port: p}
		if os.Getenv(childTLS) == "" {
			quick(cfg)
		} else {
			cfg.Security, cfg.TLS = xmpp.SecurityUnverified, config
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		c.OnMessage(func(context.Context, *stanza.Message) {})
		all = append(all, c)
		return c.Login(context.Background(), "", "")
	}
	if err := login(0); err != nil { // for what all share
		return err
	}
	before := rested(1)
	for i := range idlers {
		if err := login(1 + i); err != nil {
			return err
		}
	}
	after := rested(1 + idlers)
	cost := idleCost{(after.Heap - before.Heap) / idlers, (after.Stack - before.Stack) / idlers, (after.Goroutines - before.Goroutines) / idlers}
	runtime.KeepAlive(all)
	return json.NewEncoder(os.Stdout).Encode(cost)
}

// rested is what is in use when no goroutine but one for each connection is left, or it has taken too long.
func rested(connections int) idleCost {
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > 1+connections && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // of another process
	}
	runtime.GC()
	runtime.GC() // what pools held until the first
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return idleCost{float64(s.HeapAlloc), float64(s.StackInuse), float64(runtime.NumGoroutine())}
}

// TestAnIdleConnectionIsSmall pins what docs/performance.md says of it: what is alive, and not what is resident, which is a matter of pages.
func TestAnIdleConnectionIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has stacks and objects of its own")
	}
	accounts := map[string]string{}
	for i := range 1 + idlers {
		accounts[fmt.Sprint("idler", i)] = "secret"
	}
	for name, c := range map[string]struct {
		tls  bool
		heap float64
	}{
		"in the clear": {false, 8500},
		"with TLS":     {true, 15500},
	} {
		t.Run(name, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: !c.tls, Listen: true, Accounts: accounts})
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), childIdle+"="+srv.Addr())
			if c.tls {
				child.Env = append(child.Env, childTLS+"=1")
			}
			child.Stderr = os.Stderr
			out, err := child.Output()
			require.NoError(t, err)
			var cost idleCost
			require.NoError(t, json.Unmarshal(out, &cost))
			t.Logf("%+v", cost)
			require.LessOrEqual(t, cost.Heap, c.heap)
			require.LessOrEqual(t, cost.Stack, 3000.0, "a goroutine that has grown its stack keeps it")
			require.InDelta(t, 1, cost.Goroutines, 0.05)
		})
	}
}
