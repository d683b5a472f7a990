package mam_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	positionKey = "bot@localhost/mam/position"
	checkedKey  = "bot@localhost/mam/checked"
)

// modern is a server whose Bind 2 throws away what waits for us offline.
func modern(t *testing.T, archive bool) *world {
	w := &world{T: t, srv: xmpptest.NewServer(t, &xmpptest.Options{NoArchive: !archive, Bind2: true})}
	w.friend()
	return w
}

// ponder makes the server take its time before it says what it can do.
func (w *world) ponder(d time.Duration) (stop func()) {
	return w.srv.InterceptOutgoing(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		if !e.First().Is(disco.NSInfo, "query") || c.Address().Local() != "bot" {
			return []stanza.Element{e}
		}
		s := e.String()
		time.AfterFunc(d, func() { c.Send(s) })
		return nil
	})
}

func (w *world) stored(s xmpp.Store, key string) string {
	data, err := s.Get(w.Context(), key)
	require.NoError(w, err)
	return string(data)
}

// S133: until the server has said that it takes away forged ids, they make no position and nobody's double.
// With the position Bind 2 would be used, and what waits offline thrown away.
func TestForgedIDsAtTheBegin(t *testing.T) {
	forged := "<message from='juliet@localhost/x'><body>%s</body><stanza-id xmlns='urn:xmpp:sid:0' by='$BOT' id='%s'/></message>"
	for name, test := range map[string]struct {
		wait time.Duration
		ids  string
	}{
		"soon":                         {time.Second, "abcd"},
		"soon, doubles":                {time.Second, "aaaa"},
		"past all patience":            {50 * time.Second, "abcd"},
		"past all patience, doubles":   {50 * time.Second, "aaaa"},
		"past all patience, of others": {50 * time.Second, "abab"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, store := modern(t, false), xmpp.NewMemoryStore()
				stop := w.ponder(test.wait)
				patient := func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = 2 * time.Minute }
				w.login(syncs, kept(store), patient)
				w.raw(fmt.Sprintf(forged, "1", test.ids[:1]))
				w.raw(fmt.Sprintf(forged, "2", test.ids[1:2]))
				pass(40 * time.Second)
				w.raw(fmt.Sprintf(forged, "3", test.ids[2:3]))
				pass(time.Minute)
				w.raw(fmt.Sprintf(forged, "4", test.ids[3:]))
				require.Equal(t, "1 2 3 4", w.take(&w.heard))
				w.close()
				require.Empty(t, w.stored(store, positionKey))
				stop()
				w.say("important")
				w.login(syncs, kept(store))
				require.Equal(t, "important", w.take(&w.heard))
			})
		})
	}
}

// The legitimate twin: the announcement is late, and what came before it is one's place all the same, once.
func TestTrueIDsAtTheBegin(t *testing.T) {
	for name, wait := range map[string]time.Duration{"soon": time.Second, "past all patience": 50 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, store := modern(t, true), xmpp.NewMemoryStore()
				patient := func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = 2 * time.Minute }
				w.login(syncs, kept(store), patient)
				w.say("0")
				stop := w.ponder(wait)
				w.again(func() { w.say("1") })
				w.say("2", "3")
				for range 2 {
					w.raw("<message from='juliet@localhost/x' id='4'><body>late</body><stanza-id xmlns='urn:xmpp:sid:0' by='$BOT' id='4'/></message>")
					pass(40 * time.Second)
				}
				pass(time.Minute)
				w.say("5") // the archive has this one, and not the late one
				stop()
				heard := strings.Fields(strings.ReplaceAll(w.take(&w.heard), "*", ""))
				require.ElementsMatch(t, []string{"0", "1", "2", "3", "late", "5"}, heard)
				w.close()
				require.NotEmpty(t, w.stored(store, positionKey))
				w.say("6")
				w.login(syncs, kept(store))
				require.Equal(t, "6*", w.take(&w.heard), "by Bind 2 and the archive")
			})
		})
	}
}

// An archive that is switched off costs the messages of one start at most, and none where no session has
// found it good. What was missed before comes when it is back.
func TestArchiveIsSwitchedOff(t *testing.T) {
	for name, test := range map[string]struct {
		checked bool
		lost    int
		mute    bool // the process ends before it learns of it
	}{
		"known to be good":             {true, 1, false},
		"known to be good, and silent": {true, 1, true},
		"not known":                    {false, 0, false},
		"not known, and silent":        {false, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, store := modern(t, false), xmpp.NewMemoryStore()
				w.login(nil) // so that the server knows the account
				w.close()
				require.NoError(t, store.Put(t.Context(), positionKey, []byte("2026-01-01T00:00:00Z x")))
				if test.checked {
					require.NoError(t, store.Put(t.Context(), checkedKey, []byte("1")))
				}
				if test.mute {
					w.ponder(time.Hour)
				}
				want := []string{"1", "2", "3"}[test.lost:]
				for _, body := range numbers(1, 3) {
					w.say(body)
					w.login(syncs, kept(store))
					pass(time.Second)
					w.close()
				}
				require.Equal(t, strings.Join(want, " "), w.take(&w.heard))
				require.NotEmpty(t, w.stored(store, positionKey))
			})
		})
	}
}

// The legitimate twin: an archive that stays is relied on at each start.
func TestArchiveStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, store := modern(t, true), xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		w.say("0")
		w.close()
		w.take(&w.heard)
		for _, body := range numbers(1, 3) {
			w.say(body)
			w.login(syncs, kept(store))
			require.Equal(t, body+"*", w.take(&w.heard), "by Bind 2 and the archive")
			w.close()
		}
		require.Empty(t, w.take(&w.faults))
	})
}

// damaged is a store in which some values can't be read any more, until they are written anew.
type damaged struct {
	*xmpp.MemoryStore
	mu   sync.Mutex // guards keys
	keys map[string]bool
}

// turn damages a value or mends it.
func (s *damaged) turn(key string, damage bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, key)
	if damage {
		s.keys[key] = true
	}
}

func (s *damaged) Get(ctx context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] {
		return nil, fmt.Errorf("key %q: %w", key, xmpp.ErrStoreDamaged)
	}
	return s.MemoryStore.Get(ctx, key)
}

func (s *damaged) Put(ctx context.Context, key string, value []byte) error {
	s.turn(key, false)
	return s.MemoryStore.Put(ctx, key, value)
}

func (s *damaged) Delete(ctx context.Context, key string) error {
	s.turn(key, false)
	return s.MemoryStore.Delete(ctx, key)
}

// A position that can't be read is none: messages come at once, and a new one is written.
func TestPositionIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(*damaged){
		"position": func(s *damaged) { s.turn(positionKey, true) },
		"check":    func(s *damaged) { s.turn(checkedKey, true) },
		"both":     func(s *damaged) { s.turn(positionKey, true); s.turn(checkedKey, true) },
		"rubbish":  func(s *damaged) { _ = s.MemoryStore.Put(context.Background(), positionKey, []byte("rubbish")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, store := modern(t, true), &damaged{MemoryStore: xmpp.NewMemoryStore(), keys: make(map[string]bool)}
				w.login(syncs, kept(store))
				w.say("0")
				w.close()
				damage(store)
				w.say("1")
				w.take(&w.heard)
				w.login(syncs, kept(store))
				w.say("2")
				require.Equal(t, "1 2", strings.ReplaceAll(w.take(&w.heard), "*", ""))
				require.Equal(t, 1, strings.Count(w.take(&w.faults), "mam: "), "it is told once")
				w.close()
				require.Empty(t, store.keys)
				w.say("3")
				w.login(syncs, kept(store))
				require.Equal(t, "3*", w.take(&w.heard))
				require.Empty(t, w.take(&w.faults))
			})
		})
	}
}
