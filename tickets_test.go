package xmpp_test

import (
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
)

// S025: a TLS session is resumed for a day.
func TestTickets(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cache := xmpp.NewTickets(func() time.Time { return now })
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

	for i := range xmpp.TicketsMax + 1 {
		now = now.Add(time.Second)
		cache.Put(fmt.Sprint(i), new(tls.ClientSessionState))
	}
	require.False(t, has("0"), "the oldest makes room")
	for i := range xmpp.TicketsMax {
		require.True(t, has(fmt.Sprint(i+1)))
	}
}
