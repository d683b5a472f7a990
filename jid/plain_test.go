package jid_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

var ways = []struct {
	part    string
	plain   func(string) bool
	enforce func(string) (string, error)
}{
	{"local part", jid.IsPlainLocal, jid.EnforceLocal},
	{"domain", jid.IsPlainDomain, jid.EnforceDomain},
	{"resource", jid.IsPlainResource, jid.EnforceResource},
}

// requireSameWay checks that what the short way takes as it is, the long way
// leaves as it is.
func requireSameWay(t testing.TB, s string) (taken int) {
	t.Helper()
	for _, way := range ways {
		if !way.plain(s) {
			continue
		}
		taken++
		out, err := way.enforce(s)
		require.NoError(t, err, "%s %q", way.part, s)
		require.Equal(t, s, out, way.part)
	}
	return taken
}

func TestShortWayIsTheLongWay(t *testing.T) {
	for c := range 256 { // each byte alone, in front, inside, at the end
		b := string([]byte{byte(c)})
		for _, s := range []string{b, b + "a", "a" + b + "a", "a" + b} {
			requireSameWay(t, s)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range 30_000 {
		s := make([]byte, rnd.IntN(12))
		for i := range s {
			// Mostly what labels are made of, so that hyphens and dots meet.
			if s[i] = "abxn019--.."[rnd.IntN(11)]; rnd.IntN(8) == 0 {
				s[i] = byte(rnd.IntN(256))
			}
		}
		taken += requireSameWay(t, string(s))
	}
	require.Greater(t, taken, 15_000, "the short way is hardly tried")
}

func TestOrdinaryAddressesGoTheShortWay(t *testing.T) {
	require.True(t, jid.IsPlainLocal("juliet.capulet+1"))
	require.True(t, jid.IsPlainDomain("conference.example-1.org"))
	require.True(t, jid.IsPlainResource("Conversations.aB3_ x"))
	require.False(t, jid.IsPlainDomain("xn--bcher-kva.example"))
}
