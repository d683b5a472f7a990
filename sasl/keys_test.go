package sasl_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

// counting is a KeyCache that counts.
type counting struct {
	*sasl.MemoryKeys
	hits, puts int
	names      []string
}

func (c *counting) Get(key string) ([]byte, bool) {
	v, ok := c.MemoryKeys.Get(key)
	if ok {
		c.hits++
	}
	return v, ok
}

func (c *counting) Put(key string, value []byte) {
	c.puts++
	c.names = append(c.names, key)
	c.MemoryKeys.Put(key, value)
}

func TestKeyCacheOfExchanges(t *testing.T) {
	cache := &counting{MemoryKeys: sasl.NewKeyCache()}
	login := func(t *testing.T, mechanism, user, password string, finish bool) {
		p := params(mechanism)
		p.Username, p.Password, p.Keys = user, sasl.Secret(password), cache
		x, message := begin(t, p)
		s := newServer(mechanism, password)
		message, err := x.Next(s.challenge(message, ""))
		require.NoError(t, err)
		v := s.verify(t, message) // computes everything anew
		if finish {
			require.NoError(t, x.Finish(v))
		} else {
			require.Error(t, x.Finish(nil))
		}
	}
	login(t, "SCRAM-SHA-256", "user", "pencil", false)
	require.Zero(t, cache.puts, "keys of a login that was not verified were kept")
	login(t, "SCRAM-SHA-256", "user", "pencil", true)
	require.Equal(t, []int{0, 1}, []int{cache.hits, cache.puts})
	login(t, "SCRAM-SHA-256", "user", "pencil", true)
	require.Equal(t, []int{1, 1}, []int{cache.hits, cache.puts}, "the second login derived again")

	for i, other := range [][3]string{
		{"SCRAM-SHA-256", "user", "Pencil"}, {"SCRAM-SHA-256", "other", "pencil"}, {"SCRAM-SHA-512", "user", "pencil"},
		{"SCRAM-SHA-256", "userpen", "cil"},
	} {
		login(t, other[0], other[1], other[2], true)
		require.Equal(t, []int{1, 2 + i}, []int{cache.hits, cache.puts}, "%v hit another's keys", other)
	}
	requireHidden(t, fmt.Sprint(cache.names), "pencil", "Pencil")

	t.Run("another salt or count", func(t *testing.T) {
		for _, challenge := range []string{"s=QSXC,i=4096", "s=" + salt + ",i=4097"} {
			p := params("SCRAM-SHA-256")
			p.Nonce, p.Keys = fixed("N"), cache
			x, _ := begin(t, p)
			_, err := x.Next([]byte("r=Nx," + challenge))
			require.NoError(t, err)
			require.Equal(t, 1, cache.hits)
		}
	})
	t.Run("a damaged value is not used", func(t *testing.T) {
		cache.MemoryKeys.Put(cache.names[0], []byte("short"))
		login(t, "SCRAM-SHA-256", "user", "pencil", true)
	})
}

func TestMemoryKeys(t *testing.T) {
	c := sasl.NewKeyCache()
	value := []byte("one")
	c.Put("a", value)
	value[0] = 'X'
	got, ok := c.Get("a")
	require.True(t, ok)
	require.Equal(t, "one", string(got))
	got[0] = 'Y'
	got, _ = c.Get("a")
	require.Equal(t, "one", string(got), "shared with the caller")

	for i := range 200 {
		c.Put(fmt.Sprint(i), []byte{byte(i)})
		_, ok := c.Get("a")
		require.True(t, ok, "what is used was dropped")
	}
	require.Equal(t, "sasl.MemoryKeys(64)", fmt.Sprint(c))
	_, ok = c.Get("0")
	require.False(t, ok)
	c.Put("a", []byte("two"))
	got, _ = c.Get("a")
	require.Equal(t, "two", string(got))

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 100 {
				c.Put(fmt.Sprint(i*j), []byte{1})
				c.Get(fmt.Sprint(j))
			}
		})
	}
	wg.Wait()
}
