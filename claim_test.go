package xmpp

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaims(t *testing.T) {
	var c claims
	for _, account := range []string{"a", "b", "c"} {
		require.True(t, c.claim(account))
	}
	for _, account := range []string{"a", "b", "c"} {
		require.False(t, c.claim(account), "it is taken")
		c.release(account)
		require.True(t, c.claim(account))
	}
	c.release("a")
	c.release("nobody")
	require.False(t, c.claim("b"))
	require.True(t, c.claim("a"))
}
