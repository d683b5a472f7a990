package xmpp_test

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
)

// S025: a TLS session is resumed for a day.
func TestTicket(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cache := xmpp.NewTicket(func() time.Time { return now })
	has := func(key string) bool {
		s, ok := cache.Get(key)
		require.Equal(t, ok, s != nil)
		return ok
	}
	require.False(t, has("a"))
	cache.Put("a", new(tls.ClientSessionState))
	now = now.Add(xmpp.TicketAge)
	require.True(t, has("a"), "at the age")
	now = now.Add(1)
	require.False(t, has("a"), "past it")
	now = now.Add(-time.Hour)
	require.False(t, has("a"), "it doesn't come back")

	cache.Put("a", new(tls.ClientSessionState))
	cache.Put("a", nil)
	require.False(t, has("a"), "taken away")

	cache.Put("b", new(tls.ClientSessionState))
	require.True(t, has("b"))
	require.False(t, has("a"), "there is one server")
	cache.Put("a", nil)
	require.True(t, has("b"), "nobody else's is taken away")
}
