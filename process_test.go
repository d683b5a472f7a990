package xmpp_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	childServer = "XMPP_DURABLE_SERVER"
	childFirst  = "XMPP_DURABLE_FIRST"
)

// sendForever sends ever higher numbers from a store in dir and tells of each that was accepted; from a negative one on it sends "end" and ends when
// nothing is left.
func sendForever(address, dir string) error {
	host, port, _ := net.SplitHostPort(address)
	p, _ := strconv.Atoi(port)
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		return err
	}
	store, err := xmpp.NewFileStore(dir)
	if err != nil {
		return err
	}
	cfg := &xmpp.ConnectionConfiguration{
		Address: jid.MustParse("romeo@localhost"), Password: "secret", Host: host, Port: p, Store: store, Durable: true,
		OnError: func(err error) { fmt.Println("error", err) },
	}
	quick(cfg)
	c, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	if err := c.Login(context.Background(), "", ""); err != nil {
		return err
	}
	fmt.Println("resumed", c.Stats().Resumed)
	if first < 0 {
		if err := c.Send(context.Background(), text("end")); err != nil {
			return err
		}
	}
	for first < 0 {
		if s := c.Stats(); s.Stored+s.Left+s.Unacked+s.Outbox == 0 {
			fmt.Println("done", c.Shutdown(context.Background()))
			return nil
		}
		time.Sleep(time.Millisecond) // of another process
	}
	turn := make(chan int, 1)
	turn <- first
	failed := make(chan error)
	for range 3 {
		go func() {
			for {
				n := <-turn
				turn <- n + 1
				if err := c.Send(context.Background(), text(fmt.Sprint(n))); err != nil {
					failed <- err
				}
				fmt.Println("accepted", n)
				if n%10 == 0 {
					_ = c.Get(context.Background(), jid.JID{}, uptimeQuery{}, nil)
				}
			}
		}()
	}
	return <-failed
}

// TestProcessIsKilled kills a process that sends from a file store, at random moments, and lets the next one go on.
func TestProcessIsKilled(t *testing.T) {
	const kills = 8
	srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true, Listen: true, Accounts: map[string]string{"romeo": "secret", "juliet": "secret"}})
	var mu sync.Mutex
	arrived, end := map[string]int{}, make(chan struct{})
	juliet := managed(t, srv, "juliet", quick)
	juliet.OnMessage(func(_ context.Context, m *stanza.Message) {
		mu.Lock()
		defer mu.Unlock()
		if arrived[m.Body]++; m.Body == "end" {
			close(end)
		}
	})
	dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, 26))
	accepted, resumed, told := []string{}, 0, 0
	run := func(first, lines int) {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childDir+"="+dir, childServer+"="+srv.Addr(), childFirst+"="+fmt.Sprint(first))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		scanner, n := bufio.NewScanner(out), 0
		for ; scanner.Scan(); n++ {
			switch what, rest, _ := strings.Cut(scanner.Text(), " "); what {
			case "accepted":
				accepted = append(accepted, rest)
			case "resumed":
				resumed += int(rest[0] - '0')
			case "error":
				require.Contains(t, rest, "may arrive twice")
				told++
			}
			if n == lines {
				require.NoError(t, child.Process.Kill())
			}
		}
		_ = child.Wait() // killed, mostly
	}
	for k := range kills {
		run(k*1_000_000, 1+rng.IntN(80))
	}
	run(-1, -1)
	<-end
	require.NoError(t, juliet.Shutdown(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	doubled := 0
	for _, n := range arrived {
		doubled += n - 1
	}
	for _, body := range accepted {
		require.NotZero(t, arrived[body], "message %s was accepted and is lost", body)
	}
	require.LessOrEqual(t, doubled, told)
	require.Greater(t, len(accepted), 100)
	t.Logf("R26: a process with Durable and a FileStore, over TCP: %d kills, %d messages, %d resumptions: 0 lost, %d doubled, %d times told of", kills, len(accepted), resumed, doubled, told)
}
