package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestMemoryStore(t *testing.T) {
	s, ctx := xmpp.NewMemoryStore(), t.Context()
	value := []byte("one")
	require.NoError(t, s.Put(ctx, "a/x", value))
	value[0] = 'X'
	got, err := s.Get(ctx, "a/x")
	require.NoError(t, err)
	require.Equal(t, "one", string(got))
	got[0] = 'Y'
	require.Equal(t, "one", string(must(s.Get(ctx, "a/x"))))
	require.Nil(t, must(s.Get(ctx, "missing")))
	require.NoError(t, s.Put(ctx, "a/empty", nil))
	require.NotNil(t, must(s.Get(ctx, "a/empty")), "empty is not missing")
	require.NoError(t, s.Put(ctx, "b/x", []byte("two")))
	require.NoError(t, s.Delete(ctx, "missing"))
	require.Equal(t, []string{"a/empty", "a/x"}, keys(t, s, "a/"))
	for key := range s.Keys(ctx, "") { // deleting while ranging is allowed
		require.NoError(t, s.Delete(ctx, key))
	}
	require.Empty(t, keys(t, s, ""))
	for range s.Keys(ctx, "") {
		break
	}
}

// A few values and many lie in different places.
func TestMemoryStoreGrows(t *testing.T) {
	s, ctx := xmpp.NewMemoryStore(), t.Context()
	var want []string
	for i := range 20 {
		key := fmt.Sprintf("a/%02d", i)
		want = append(want, key)
		require.NoError(t, s.Put(ctx, key, []byte("old")))
		require.NoError(t, s.Put(ctx, key, []byte(key)))
		require.Equal(t, want, keys(t, s, ""))
		require.Equal(t, fmt.Sprintf("xmpp.MemoryStore(%d)", i+1), fmt.Sprint(s))
		for _, k := range want {
			require.Equal(t, k, string(must(s.Get(ctx, k))))
		}
	}
	for i, k := range want {
		require.NoError(t, s.Delete(ctx, k))
		require.Nil(t, must(s.Get(ctx, k)))
		require.Equal(t, 19-i, len(keys(t, s, "")))
	}
}

func keys(t *testing.T, s xmpp.Store, prefix string) (all []string) {
	for key, err := range s.Keys(t.Context(), prefix) {
		require.NoError(t, err)
		all = append(all, key)
	}
	require.True(t, slices.IsSorted(all))
	return all
}

// brokenStore is a disk that has gone.
type brokenStore struct{ get, put error }

func (s brokenStore) Get(context.Context, string) ([]byte, error) { return nil, s.get }
func (s brokenStore) Put(context.Context, string, []byte) error   { return s.put }
func (s brokenStore) Delete(context.Context, string) error        { return s.put }
func (s brokenStore) Keys(context.Context, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", s.get) }
}

// Without knowing whether SCRAM was pinned there is no login; what can't be stored is reported.
func TestBrokenStore(t *testing.T) {
	gone := errors.New("the disk is gone")
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		reported := new(record[error])
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = brokenStore{get: gone} })
		require.ErrorIs(t, c.Login(t.Context(), "", ""), gone)
		c = offline(t, srv, "romeo", complaints(reported), func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = brokenStore{put: gone} })
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		require.GreaterOrEqual(t, len(reported.list()), 2, "the pin and the roster")
		require.ErrorIs(t, reported.list()[0], gone)
	})
}

// Everything that a connection stores lies under its account.
func TestKeysAreTheAccounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		store := xmpp.NewMemoryStore()
		for _, user := range []string{"romeo", "juliet"} {
			c := online(t, srv, user, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store })
			require.Same(t, store, c.Store())
			settle()
		}
		require.Equal(t, []string{"romeo@localhost/pin", "romeo@localhost/roster"}, keys(t, store, "romeo@localhost/"))
		require.Len(t, keys(t, store, ""), 4)
	})
}

// A store serves one connection of an account at a time (G10).
func TestStoreInUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		store := xmpp.NewMemoryStore()
		first := online(t, srv, "romeo", keeping(store))
		second := offline(t, srv, "romeo", keeping(store))
		err := second.Login(t.Context(), "", "")
		require.ErrorIs(t, err, xmpp.ErrStoreInUse)
		require.ErrorContains(t, err, "romeo@localhost")
		online(t, srv, "juliet", keeping(store))
		require.Equal(t, xmpp.Online, first.State())
		require.NoError(t, first.Close())
		require.Error(t, second.Login(t.Context(), "", "wrong"))
		require.NoError(t, offline(t, srv, "romeo", keeping(store)).Login(t.Context(), "", ""))
		require.ErrorIs(t, second.Login(t.Context(), "", ""), xmpp.ErrStoreInUse)
	})
}
