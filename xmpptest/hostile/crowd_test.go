package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// What is kept of many, where each may be as large as an address or a contact can be.
var _ = add(
	row{id: "S190a", title: "Roster pushes without an end", oracle: boundRow, alone: true, scenes: bounds(
		bound{name: "how often the roster is stored", unit: "times in 65 s of ten pushes a second", limit: 12, figure: savesOfPushes},
		bound{name: "what it grows to, where it may have 1 MiB", unit: "KiB of heap", limit: 2 * kib, figure: pushedRoster},
	)},
	row{id: "S191a", title: "Strangers with long addresses, of many resources each", oracle: boundRow, also: "TestStrangersMakeRoom", alone: true, scenes: bounds(
		bound{name: "what is kept of their presence", unit: "KiB of heap", limit: 2 * kib, figure: longStrangers},
	)},
)

// A countingStore counts how often something is put under keys that end so.
type countingStore struct {
	*xmpp.MemoryStore
	suffix string
	puts   atomic.Int64
}

func (s *countingStore) Put(ctx context.Context, key string, value []byte) error {
	if strings.HasSuffix(key, s.suffix) {
		s.puts.Add(1)
	}
	return s.MemoryStore.Put(ctx, key, value)
}

func pushOf(n int, more string) string {
	return fmt.Sprintf("<iq type='set' id='p%d'><query xmlns='jabber:iq:roster' ver='%d'><item jid='c%d@montague.example' subscription='to' name='%s'/></query></iq>", n, n, n, more)
}

func savesOfPushes(t *testing.T) (int64, error) {
	store := &countingStore{MemoryStore: xmpp.NewMemoryStore(), suffix: "/roster"}
	before := int64(0)
	err := serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := ownConfiguration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store })
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		before = store.puts.Load()
		for n := range 650 { // the last of them between two saves
			srv.Connections("romeo")[0].Send(pushOf(n, ""))
			pass(time.Second / 10)
		}
		if err := c.Close(); err != nil {
			return err
		}
		data, err := store.Get(t.Context(), own+"/roster")
		if err != nil || !strings.Contains(string(data), "c649@") || !strings.Contains(string(data), "ver='649'") {
			return fmt.Errorf("the last push is not stored when the connection is closed: %s: %v", short(string(data)), err)
		}
		return nil
	})
	return store.puts.Load() - before, err
}

func pushedRoster(t *testing.T) (grown int64, err error) {
	n := amount(1_000_000, 20_000)
	note(t, "%d pushes", n)
	var told atomic.Int64
	err = serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement, cfg.Silence = true, true, -1
		cfg.Limits.RosterBytes = 1 << 20
		cfg.OnError = func(err error) {
			if errors.Is(err, xmpp.ErrRosterTooLarge) {
				told.Add(1)
			}
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		conn := srv.Connections("romeo")[0]
		conn.Send(pushOf(0, ""))
		moment()
		base := liveHeap()
		for at := 1; at < n; {
			var data strings.Builder
			for ; data.Len() < chunk && at < n; at++ {
				data.WriteString(pushOf(at, strings.Repeat("x", 100)))
			}
			conn.Send(data.String())
			moment()
		}
		grown = (liveHeap() - base) / kib
		contacts := 0
		for range c.Roster().Contacts() {
			contacts++
		}
		if contacts < 1000 || told.Load() == 0 || c.State() != xmpp.Online {
			return fmt.Errorf("%d contacts, told of %d times, and %v", contacts, told.Load(), c.State())
		}
		runtime.KeepAlive(c)
		return nil
	})
	return grown, err
}

func longStrangers(t *testing.T) (grown int64, err error) {
	n := amount(1000, 60)
	note(t, "%d strangers with 64 resources each", n)
	domain := strings.Repeat("evil.", 40) + "example"
	address := func(who, resource int) string { return fmt.Sprintf("%01000d@%s/%01000d", who, domain, resource) }
	err = quietly(t, func(*xmpp.Connection) {}, func(c *xmpp.Connection, send func(string)) error {
		send("<presence from='" + address(0, 0) + "'/>") // caches are made
		base := liveHeap()
		for who := range n {
			var data strings.Builder
			for resource := range 64 {
				fmt.Fprintf(&data, "<presence from='%s'><status>%s</status></presence>", address(who, resource), strings.Repeat("x", 1000))
			}
			send(data.String())
		}
		grown = (liveHeap() - base) / kib
		runtime.KeepAlive(c)
		return nil
	})
	return max(grown, 0), err
}
