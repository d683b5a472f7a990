package sm_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
)

func full() sm.State {
	return sm.State{
		Account: "romeo@montague.example", Domain: "montague.example", Address: "romeo@montague.example/orchard",
		ID: "secret-id", Location: "[2001:db8::1]:5222", Max: 10 * time.Minute, Cut: time.UnixMilli(1767323045678),
		Acked: 1<<33 + 5, Handled: 1<<32 - 1,
		Queue: []sm.Entry{{Data: []byte("<message/>"), Meta: []byte("m")}, {Data: []byte("<presence/>")}, {Meta: []byte("key")}, {}},
	}
}

func encode(t testing.TB, s sm.State) []byte {
	t.Helper()
	b, err := s.AppendBinary(nil)
	require.NoError(t, err)
	return b
}

func TestStateGoesThrough(t *testing.T) {
	for name, want := range map[string]sm.State{"full": full(), "empty": {Cut: time.UnixMilli(0)}} {
		t.Run(name, func(t *testing.T) {
			b := encode(t, want)
			var got sm.State
			require.NoError(t, got.UnmarshalBinary(b))
			require.Equal(t, want, got)
			clear(b)
			require.Equal(t, want, got, "the state owns its memory")
			for _, e := range got.Queue {
				_ = append(e.Data, "overwritten"...)
			}
			require.Equal(t, want, got, "no entry reaches into the next")
			more, err := want.AppendBinary([]byte("before"))
			require.NoError(t, err)
			require.Equal(t, "before", string(more[:6]))
			require.NoError(t, got.UnmarshalBinary(more[6:]))
		})
	}
	var zero, got sm.State
	require.NoError(t, got.UnmarshalBinary(encode(t, zero)))
	require.True(t, got.Cut.Equal(zero.Cut))
	require.NoError(t, got.UnmarshalBinary(encode(t, sm.State{Max: 1<<63 - 1})))
	require.Equal(t, (1<<31-1)*time.Second, got.Max)
}

// Every torn, flipped or lengthened value is refused and changes nothing.
func TestStateRefusesDamage(t *testing.T) {
	b := encode(t, full())
	refuse := func(b []byte, what string) {
		t.Helper()
		got := sm.State{ID: "as it was"}
		require.Error(t, got.UnmarshalBinary(b), what)
		require.Equal(t, sm.State{ID: "as it was"}, got)
	}
	for n := range b {
		refuse(b[:n], "torn")
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[n] ^= 1 << bit
			refuse(bad, "flipped")
		}
	}
	refuse(append(bytes.Clone(b), 0), "longer")
	// The same with a checksum that fits, as who means harm would make it.
	body := b[:len(b)-4]
	for n := range body {
		refuse(sealed(body[:n]), "torn and sealed")
	}
	refuse(sealed(append(bytes.Clone(body), 0)), "longer and sealed")
	later := bytes.Clone(body)
	later[7] = 2
	require.ErrorContains(t, new(sm.State).UnmarshalBinary(sealed(later)), "version 2")
}

func sealed(body []byte) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(body), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

// A length that is a lie costs nothing.
func TestStateBelievesNoLength(t *testing.T) {
	magic := encode(t, sm.State{})[:8]
	for name, lie := range map[string][]byte{
		"text":  binary.AppendUvarint(bytes.Clone(magic), 1<<40),
		"queue": append(append(bytes.Clone(magic), 0, 0, 0, 0, 0, 0, 0, 0, 0), binary.AppendUvarint(nil, 65536)...),
		"data":  append(append(bytes.Clone(magic), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), binary.AppendUvarint(nil, 200<<20)...),
		"h":     append(append(bytes.Clone(magic), 0, 0, 0, 0, 0, 0, 0, 0), append(binary.AppendUvarint(nil, 1<<32), 0)...),
		"max":   append(append(bytes.Clone(magic), 0, 0, 0, 0, 0), append(binary.AppendUvarint(nil, 1<<31), 0, 0, 0, 0)...),
		"many":  append(append(bytes.Clone(magic), 0, 0, 0, 0, 0, 0, 0, 0, 0), binary.AppendUvarint(nil, 1<<62)...),
	} {
		b := sealed(lie)
		require.Error(t, new(sm.State).UnmarshalBinary(b), name)
		require.LessOrEqual(t, testing.AllocsPerRun(10, func() { _ = new(sm.State).UnmarshalBinary(b) }), 20.0, name)
	}
}

func TestStateIsBounded(t *testing.T) {
	_, err := (&sm.State{ID: strings.Repeat("x", 16<<10+1)}).AppendBinary(nil)
	require.ErrorContains(t, err, "id")
	_, err = (&sm.State{Queue: make([]sm.Entry, 65537)}).AppendBinary(nil)
	require.ErrorContains(t, err, "65537")
}

func TestStateIsDiscreet(t *testing.T) {
	s := full()
	for _, out := range []string{fmt.Sprint(s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s), fmt.Sprintf("%+v", &s)} {
		require.NotContains(t, out, "secret-id")
		require.NotContains(t, out, "message")
		require.Contains(t, out, "romeo@montague.example/orchard")
	}
}

func FuzzState(f *testing.F) {
	body := func(s sm.State) []byte {
		b := encode(f, s)
		return b[8 : len(b)-4]
	}
	f.Add(body(full()), true)
	f.Add(body(sm.State{}), true)
	f.Add([]byte("xmpp-sm\x01"), false)
	magic := encode(f, sm.State{})[:8]
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			b = sealed(append(bytes.Clone(magic), b...))
		}
		var s, again sm.State
		if s.UnmarshalBinary(b) != nil {
			return
		}
		require.NoError(t, again.UnmarshalBinary(encode(t, s)))
		require.Equal(t, s, again)
	})
}
