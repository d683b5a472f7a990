package xmpp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A closer tells when TLS is ended (which TLS 1.2 shows on the outside) and the connection closed.
type closer struct {
	xmpp.Dialer
	note func(string)
}

type closing struct {
	net.Conn
	d *closer
}

func (d *closer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &closing{conn, d}, nil
}

func (c *closing) Write(p []byte) (int, error) {
	const alert = 21 // RFC 5246 §6.2.1
	if p[0] == alert {
		c.d.note("close_notify")
	}
	return c.Conn.Write(p)
}

func (c *closing) Close() error {
	c.d.note("closed")
	return c.Conn.Close()
}

// TestShutdownInOrder is R25 where the server does its part: what waited is written, then the server's count awaited, then ours told, then both ends of the stream
// said, then TLS ended, and only then the connection closed.
func TestShutdownInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const messages = 20
		srv := xmpptest.NewServer(t, &xmpptest.Options{TLS: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }})
		story := new(record[string])
		d := &closer{Dialer: srv.Dialer(), note: story.add}
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			for sent := 0; ; {
				e, err := s.Await("")
				if err != nil {
					if !strings.HasSuffix(strings.TrimSpace(s.Log()), "</stream:stream>") {
						return err
					}
					story.add("end of stream")
					time.Sleep(time.Second) // virtual
					story.add("server's end")
					if err := s.Send("</stream:stream>"); err != nil {
						return err
					}
					return s.ExpectEnd("")
				}
				switch e.Local() {
				case "enable":
					err = s.Send("<enabled xmlns='urn:xmpp:sm:3' id='1' resume='true'/><message from='juliet@localhost/x' id='1'><body>x</body></message>")
				case "message":
					sent++
					story.add("message")
				case "presence":
					sent++
				case "r":
					story.add("r")
					time.Sleep(time.Second) // virtual
					story.add("server's a")
					err = s.Send(fmt.Sprintf("<a xmlns='urn:xmpp:sm:3' h='%d'/>", sent))
				case "a":
					story.add("a h=" + e.Attr("h"))
				}
				if err != nil {
					return err
				}
			}
		})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer, cfg.DisableRoster = d, true })
		pass(time.Minute) // and with it the <r/> for what the login has sent
		story.all = nil
		for range messages {
			require.NoError(t, c.Send(t.Context(), text("x")))
		}
		result := c.Shutdown(t.Context())
		require.NoError(t, result)
		require.ErrorIs(t, c.Send(t.Context(), text("too late")), xmpp.ErrClosed)
		require.NoError(t, script.Wait(t.Context()))
		said := slices.Compact(story.list()) // the messages as one
		want := []string{"message", "r", "server's a", "a h=1", "end of stream", "server's end", "close_notify", "closed"}
		require.Equal(t, want, said)
		figure(t, "R25", "%s", strings.Join(want, " → "))
	})
}

// TestAllCloseAtOnce is R25 for many callers: a hundred of Close and Shutdown, each over in its time, with one result.
func TestAllCloseAtOnce(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			const callers = 100
			srv := xmpptest.NewServer(t, nil)
			closed := 0
			c := offline(t, srv, "romeo")
			c.Use(xmpp.Extension{Name: "x", Closed: func(error) { closed++ }})
			require.NoError(t, c.Login(t.Context(), "", ""))
			settle()
			if deaf {
				srv.Connections("romeo")[0].Stall(true, true)
				require.NoError(t, c.Send(t.Context(), text("of unknown outcome")))
				settle()
			}
			began := time.Now()
			var wg sync.WaitGroup
			results := make([]error, callers)
			for i := range callers {
				wg.Go(func() {
					if i%2 == 0 || !deaf {
						ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
						defer cancel()
						results[i] = c.Shutdown(ctx)
						return
					}
					time.Sleep(2 * time.Second) // in the middle of it
					results[i] = c.Close()
				})
			}
			wg.Wait()
			require.LessOrEqual(t, time.Since(began), 4*time.Second)
			require.Equal(t, 1, closed)
			requireClosed(t, c, xmpp.ErrClosed)
			for i, err := range results {
				switch {
				case !deaf, i%2 == 1:
					require.NoError(t, err)
				default:
					var left *xmpp.ShutdownError
					require.True(t, errors.As(err, &left) || errors.Is(err, context.DeadlineExceeded), "%v", err)
				}
			}
			settle()
			if !deaf {
				require.Empty(t, srv.Connections("romeo"))
				figure(t, "R25", "%d concurrent Close and Shutdown: all over in time, closed once", callers)
			}
		})
	}
}

// TestNothingIsLeft is R27: connections that come, break and go leave no goroutine (the bubble would not end), no timer that does anything, and no memory.
func TestNothingIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const cycles, limit = 1000, 1 << 20
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
		srv.Password("romeo")
		cycle := func(n int) {
			cfg := srv.Configuration("romeo")
			c, err := xmpp.NewConnection(cfg)
			require.NoError(t, err)
			require.NoError(t, c.Login(t.Context(), "", ""))
			c.OnMessage(func(context.Context, *stanza.Message) {})
			require.NoError(t, c.Send(t.Context(), &stanza.Message{To: c.User(), Body: "x"}))
			switch n % 4 {
			case 0:
				srv.Drop("romeo")
				eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			case 1:
				srv.Dialer().Refuse(3)
				srv.Drop("romeo") // and it is closed while it waits
				settle()
			case 2:
				srv.Kick("romeo", stanza.StreamReset)
			}
			require.NoError(t, c.Close())
			srv.Dialer().Refuse(0)
			settle()
			srv.Forget("romeo")
		}
		for n := range 50 {
			cycle(n) // pools and tables fill
		}
		before := heap()
		for n := range cycles {
			cycle(n)
		}
		pass(time.Hour) // whatever still ran would show
		after := heap()
		grown := int64(after) - int64(before)
		require.Less(t, grown, int64(limit))
		figure(t, "R27", "%d connections that came, broke and were closed: the heap grew by %d kB, no goroutine left", cycles, grown>>10)
	})
}

// TestNoSocketIsLeft is R27 on real sockets, in real time: as many files are open afterwards as before.
func TestNoSocketIsLeft(t *testing.T) {
	const cycles = 50
	srv := xmpptest.NewServer(t, &xmpptest.Options{Listen: true})
	var all []net.Conn // else the garbage collector closes what was forgotten
	keep := func(c net.Conn) net.Conn {
		all = append(all, c)
		return c
	}
	cycle := func(n int) {
		cfg := srv.Configuration("romeo")
		cfg.Dialer = &strange{srv.Dialer(), keep}
		c, err := xmpp.NewConnection(cfg)
		require.NoError(t, err)
		require.NoError(t, c.Login(t.Context(), "", ""))
		if n%2 == 0 {
			srv.Drop("romeo")
		}
		require.NoError(t, c.Close())
	}
	cycle(0)
	before := openFiles(t)
	for n := range cycles {
		cycle(n)
	}
	// The server's ends close in their own time.
	deadline := time.Now().Add(30 * time.Second)
	for openFiles(t) > before && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond) // virtual
	}
	require.LessOrEqual(t, openFiles(t), before)
	runtime.KeepAlive(all)
	figure(t, "R27", "%d connections over TCP and TLS, half of them broken: 0 open files more", cycles)
}

// openFiles counts this process's file descriptors where the system shows them, else none.
func openFiles(t *testing.T) int {
	all, err := os.ReadDir("/dev/fd")
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	require.NoError(t, err)
	return len(all)
}
