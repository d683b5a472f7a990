package xmpptest_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func faulty(t *testing.T, f xmpptest.Faults) (*xmpptest.Server, *rawClient) {
	t.Helper()
	srv := xmpptest.NewServer(t, nil)
	c := login(t, srv, "romeo", "orchard")
	srv.SetFaults("romeo", f)
	return srv, c
}

const ping = "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
const pong = "<iq to='romeo@localhost/orchard' id='p' type='result'/>"

func TestCutAfterWrite(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, c := faulty(t, xmpptest.Faults{CutAfterWrite: int64(len(pong)) + 7})
		c.send(ping + ping)
		got, err := io.ReadAll(c.conn)
		require.NoError(t, err, "crypto/tls says no more of an end between records")
		require.Equal(t, pong+pong[:7], string(got))
	})
}

func TestCutAfterRead(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, c := faulty(t, xmpptest.Faults{CutAfterRead: int64(len(ping)) + 10})
		c.send(ping + ping)
		got, err := io.ReadAll(c.conn)
		require.NoError(t, err, "crypto/tls says no more of an end between records")
		require.Contains(t, []string{"", pong}, string(got), "the second ping never arrived whole")
		synctest.Wait()
		require.Empty(t, srv.Connections("romeo"))
	})
}

func TestCutOnTheWire(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Faults: xmpptest.Faults{Wire: true, CutAfterWrite: 100}})
		conn, err := srv.Dialer().DialContext(t.Context(), "tcp", srv.DirectTLSAddr())
		require.NoError(t, err)
		c := &rawClient{t: t, srv: srv, conn: conn}
		require.Error(t, c.handshake(nil))
	})
}

func TestStalls(t *testing.T) {
	t.Run("writing", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, c := faulty(t, xmpptest.Faults{StallAfterWrite: 10})
			c.send(ping)
			buf := make([]byte, 100)
			n, err := io.ReadAtLeast(c.conn, buf, 10)
			require.NoError(t, err)
			require.Equal(t, pong[:10], string(buf[:n]))
			c.conn.SetReadDeadline(time.Now().Add(time.Hour))
			_, err = c.conn.Read(buf)
			require.ErrorContains(t, err, "timeout")
			c.conn.SetReadDeadline(time.Time{})
			srv.SetFaults("romeo", xmpptest.Faults{})
			n, err = io.ReadAtLeast(c.conn, buf, len(pong)-10)
			require.NoError(t, err)
			require.Equal(t, pong[10:], string(buf[:n]))
		})
	})
	t.Run("reading", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, c := faulty(t, xmpptest.Faults{})
			srv.Connections("romeo")[0].Stall(true, false)
			sent := 0
			c.conn.SetWriteDeadline(time.Now().Add(time.Hour))
			for err := error(nil); err == nil; sent++ {
				_, err = c.conn.Write(make([]byte, 1000))
			}
			require.Less(t, sent, 100, "back pressure is real")
		})
	})
	t.Run("reading at a byte", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, c := faulty(t, xmpptest.Faults{StallAfterRead: int64(len(ping)) + 5})
			c.send(ping + ping)
			c.expect("id='p'")
			time.AfterFunc(time.Minute/6, func() { srv.SetFaults("romeo", xmpptest.Faults{}) })
			before := time.Now()
			c.expect("id='p'")
			require.Equal(t, time.Minute/6, time.Since(before))
		})
	})
	t.Run("resumed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, c := faulty(t, xmpptest.Faults{})
			conn := srv.Connections("romeo")[0]
			conn.Stall(true, true)
			c.send(ping)
			time.AfterFunc(15*time.Second, conn.Resume)
			before := time.Now()
			c.expect("id='p'")
			require.Equal(t, 15*time.Second, time.Since(before))
		})
	})
}

func TestChunksAndDelay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, c := faulty(t, xmpptest.Faults{Chunk: 1, Delay: time.Second})
		c.send(ping)
		before := time.Now()
		c.conn.SetReadDeadline(time.Time{})
		buf := make([]byte, 100)
		for range len(pong) {
			n, err := c.conn.Read(buf)
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
		require.Equal(t, time.Duration(len(pong))*time.Second, time.Since(before))
	})
}

func TestDuplicateAndReorder(t *testing.T) {
	order := func(f xmpptest.Faults) (got []string) {
		bubble(t, func(t *testing.T) {
			_, c := faulty(t, f)
			for _, id := range []string{"1", "2", "3", "4", "5"} {
				c.send("<iq type='get' id='%s'><ping xmlns='urn:xmpp:ping'/></iq>", id)
			}
			for {
				e := c.next()
				got = append(got, e.Attr("id"))
				if e.Attr("id") == "5" {
					return
				}
			}
		})
		return got
	}
	require.Equal(t, []string{"1", "2", "3", "4", "5"}, order(xmpptest.Faults{}))
	require.Equal(t, []string{"1", "2", "2", "3", "4", "5"}, order(xmpptest.Faults{Duplicate: 2}))
	require.Equal(t, []string{"1", "3", "2", "4", "5"}, order(xmpptest.Faults{Reorder: 2}))
}

func TestNextConnectionOnly(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{CutAfterWrite: 20}) })
		c := dial(t, srv, srv.Addr())
		c.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
		got, err := io.ReadAll(c.conn)
		require.NoError(t, err, "an end without TLS")
		require.Equal(t, "<?xml version='1.0'?", string(got))
		login(t, srv, "romeo", "orchard")
	})
}

func TestIntercept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := login(t, srv, "romeo", "orchard"), login(t, srv, "juliet", "balcony")
		parse := func(s string) stanza.Element {
			e, err := stanza.Parse(s)
			require.NoError(t, err)
			return e
		}
		stop := srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			switch e.Attr("id") {
			case "drop":
				return nil
			case "twice":
				return []stanza.Element{e, e}
			case "replace":
				return []stanza.Element{parse("<message xmlns='jabber:client' to='juliet@localhost/balcony' id='replaced'/>")}
			}
			return []stanza.Element{e}
		})
		say := func(id string) { romeo.send("<message to='juliet@localhost/balcony' id='%s'/>", id) }
		for _, id := range []string{"drop", "twice", "replace", "pass"} {
			say(id)
		}
		for _, id := range []string{"twice", "twice", "replaced", "pass"} {
			juliet.expect("id='"+id+"'", "from='romeo@localhost/orchard'")
		}
		stop()
		say("drop")
		juliet.expect("id='drop'")

		stop = srv.InterceptOutgoing(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if c.Address() != srv.Connections("juliet")[0].Address() {
				return []stanza.Element{e}
			}
			require.True(t, e.Is(stanza.NS, "message"))
			return []stanza.Element{parse("<message xmlns='jabber:client' from='mallory@localhost'/>"), e}
		})
		say("forged")
		juliet.expect("from='mallory@localhost'")
		juliet.expect("id='forged'")
		stop()
		srv.Connections("juliet")[0].Send("<iq type='set' id='push' from='mallory@localhost'/>")
		juliet.expect("id='push'")
		juliet.sync()
		romeo.sync()
	})
}
