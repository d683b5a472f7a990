package xmpp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// crc puts the right sum behind bytes that may be anything, so that what is behind the check is tried too.
func crc(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// FuzzRecord: a file of a FileStore gives back what was put there under this key, and any other bytes give nothing.
func FuzzRecord(f *testing.F) {
	f.Add("romeo@localhost/pin", []byte("strong"), []byte("xmpp-kv\x01\x01ab"))
	f.Add("", []byte(nil), []byte("xmpp-kv\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add("a", []byte("b"), []byte("xmpp-kv\x02\x01ab"))
	f.Fuzz(func(t *testing.T, key string, value, other []byte) {
		file := xmpp.EncodeRecord(key, value)
		got, err := xmpp.DecodeRecord(key, file)
		require.NoError(t, err)
		require.True(t, bytes.Equal(value, got))
		stored, _ := xmpp.KeyInRecord(file)
		require.Equal(t, key, stored)
		_, err = xmpp.DecodeRecord(key+"x", file)
		require.ErrorIs(t, err, xmpp.ErrStoreDamaged)
		for _, b := range [][]byte{other, crc(bytes.Clone(other))} {
			got, err := xmpp.DecodeRecord(key, b)
			if err != nil {
				require.ErrorIs(t, err, xmpp.ErrStoreDamaged)
				continue
			}
			require.True(t, bytes.HasSuffix(b[:len(b)-4], got))
			require.Less(t, len(key)+len(got), len(b))
		}
	})
}

// FuzzHostPort: what a server names is one host and a port, or nothing: no user, path or blank gets into a dialer.
func FuzzHostPort(f *testing.F) {
	for _, s := range []string{"h", "h:5222", "[2001:db8::1]:9222", "[::1]", "::1", "a:b:c", "h:", ":1", "h:65536", "h:-1", "user@h:1", "h/x", "[h", "\xff", "h:05222", "[fe80::1%eth0]:1"} {
		f.Add(s, uint16(5222))
	}
	f.Fuzz(func(t *testing.T, s string, port uint16) {
		host, p, ok := xmpp.HostPort(s, port)
		if !ok {
			require.Empty(t, host)
			require.Zero(t, p)
			return
		}
		require.NotEmpty(t, host)
		require.False(t, strings.ContainsAny(host, " \t\r\n/@[]"))
		again, q, ok := xmpp.HostPort(net.JoinHostPort(host, strconv.Itoa(int(p))), 0)
		require.True(t, ok)
		require.Equal(t, host, again)
		require.Equal(t, p, q)
	})
}

// kinds are the keys of what an account leaves in its store.
var kinds = []string{"session", "outbox/0000000000000001", "fast", "device", "features", "pin", "roster"}

// FuzzStored: whatever is in the store of an account, it gets online, and a message of it arrives; a pin alone may end the login, for then nobody knows what
// was promised. What was stored under one key spoils nothing under another.
func FuzzStored(f *testing.F) {
	body := must((&sm.State{Account: "romeo@localhost", Domain: "localhost", Address: "romeo@localhost/x", ID: "1", Cut: time.Unix(946684800, 0),
		Queue: []sm.Entry{{Data: []byte("<message to='juliet@localhost'><body>old</body></message>"), Meta: []byte("w\x01\x01\x00")}}}).AppendBinary(nil))
	for kind, seed := range [][]byte{
		body[:len(body)-4], body[:len(body)-4],
		[]byte(`[{"domain":"localhost","device":"d","mechanism":"HT-SHA-256-EXPR","expiry":"2099-01-01T00:00:00Z","secret":"s"}]`),
		[]byte("4f3c0a52-7e1d-4b5a-9c58-6f6d2a3e1b47"),
		[]byte(`{"before":"<features xmlns='http://etherx.jabber.org/streams'><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism></authentication></features>"}`),
		[]byte("strong"),
		[]byte(`<query xmlns='jabber:iq:roster' ver='1'><item jid='juliet@localhost' subscription='both'/></query>`),
	} {
		f.Add(byte(kind), seed)
		f.Add(byte(kind), seed[:len(seed)/2])
	}
	f.Fuzz(func(t *testing.T, which byte, value []byte) {
		kind := kinds[int(which)%len(kinds)]
		if strings.HasPrefix(string(value), "xmpp-sm") {
			value = crc(value)
		}
		synctest.Test(t, func(t *testing.T) {
			s := xmpp.NewMemoryStore()
			require.NoError(t, s.Put(t.Context(), "romeo@localhost/"+kind, value))
			getsOnline(t, s, kind == "pin")
		})
	})
}

// FuzzRestored: a session that reads well and whose entries are anything. What is no stanza is never written to a stream.
func FuzzRestored(f *testing.F) {
	for _, role := range "fwcume" {
		meta := append([]byte{byte(role), 1}, 1, 0)
		far := binary.AppendVarint(binary.AppendUvarint([]byte{byte(role), 3}, 1<<60), 0)
		f.Add([]byte("<message to='juliet@localhost'><body>old</body></message>"), meta, meta, "prev", uint64(3), uint32(4), false)
		f.Add([]byte("<message to='juliet@localhost'><body>old</body></message>"), meta, meta, "\xff\xffev", uint64(3), uint32(4), false)
		f.Add([]byte("</stream:stream>"), meta, meta, "", uint64(0), uint32(0), false)
		f.Add([]byte("<message/><iq type='set' id='1'/>"), meta, meta, "prev", uint64(1)<<63, uint32(1)<<31, true)
		f.Add([]byte("<message to='juliet@localhost'><body>old</body></message>"), far, meta, "prev", uint64(0), uint32(0), true)
		f.Add([]byte("<message to='juliet@localhost'><body>old</body></message>"), meta, far, "prev", uint64(0), uint32(0), true)
	}
	f.Fuzz(func(t *testing.T, data, meta, journaled []byte, id string, acked uint64, handled uint32, durable bool) {
		if len(id) > 1000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			state := sm.State{Account: "romeo@localhost", Domain: "localhost", Address: "romeo@localhost/x", ID: id, Cut: time.Now(), Acked: acked, Handled: handled,
				Queue: []sm.Entry{{Data: data, Meta: meta}, {Meta: []byte{'m', 0, 0, 0}}, {Data: data, Meta: meta}}}
			segment := sm.State{Queue: []sm.Entry{{Data: data, Meta: journaled}}}
			s := xmpp.NewMemoryStore()
			require.NoError(t, s.Put(t.Context(), "romeo@localhost/session", must(state.AppendBinary(nil))))
			require.NoError(t, s.Put(t.Context(), "romeo@localhost/outbox/0000000000000001", must(segment.AppendBinary(nil))))
			getsOnline(t, s, false, func(cfg *xmpp.ConnectionConfiguration) { cfg.Durable = durable })
		})
	})
}

// getsOnline logs in with a store and sends a message.
func getsOnline(t *testing.T, s xmpp.Store, mayFail bool, changes ...with) {
	t.Helper()
	srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true, SASL2: true, Iterations: 1, Mechanisms: []string{"PLAIN"}})
	got := new(record[string])
	juliet := offline(t, srv, "juliet", inTheClear(srv))
	juliet.OnMessage(func(_ context.Context, m *stanza.Message) { got.add(m.Body) })
	require.NoError(t, juliet.Login(t.Context(), "", ""))
	reported := new(record[error])
	c := offline(t, srv, "romeo", append([]with{inTheClear(srv), stores(s), complaints(reported), func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true }}, changes...)...)
	err := c.Login(t.Context(), "", "")
	if err != nil && mayFail {
		require.ErrorIs(t, err, sasl.ErrDowngrade)
		return
	}
	require.NoError(t, err)
	require.NoError(t, c.Send(t.Context(), &stanza.Message{To: srv.Address("juliet"), Type: stanza.MessageChat, Body: "marker"}))
	settle()
	require.Contains(t, got.list(), "marker", "%v %v", c.State(), c.Err())
	for _, err := range reported.list() {
		require.True(t, utf8.ValidString(err.Error()))
		require.Less(t, len(err.Error()), 5000)
	}
	require.NoError(t, c.Close())
	require.NoError(t, juliet.Close())
}
