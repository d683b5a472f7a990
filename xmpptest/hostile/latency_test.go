package hostile_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xmpptest"
)

// What a figure of latency needs. The bound on the slowest of twenty is wide, because the machine does other things too.
const (
	fewestRequests = 5
	lateRequest    = time.Second
)

// latency is how long requests of our own take while a flood comes in as fast as it is read, by the clock of the machine: that of the middle one.
func latency(t *testing.T) (ms int64, err error) {
	n := amount(100_000, 20_000)
	err = serve(t, inClearOptions(), func(srv *xmpptest.Server) error {
		flooding, over := make(chan struct{}), make(chan struct{})
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			go func() {
				defer close(over)
				<-flooding
				for range n / 100 {
					_ = s.Send(pings(100)) // waits until it is written
				}
			}()
			return s.Serve()
		})
		cfg := measured(srv)
		cfg.DisableReconnection, cfg.DisableStreamManagement = true, true
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		close(flooding)
		var took []time.Duration
		for during := true; during; {
			began := time.Now()
			if err := second(ping.Ping(t.Context(), c, jid.MustParse(domain))); err != nil {
				return err
			}
			took = append(took, time.Since(began))
			select {
			case <-over:
				during = false
			default:
			}
		}
		slices.Sort(took)
		if len(took) < fewestRequests {
			return fmt.Errorf("only %d requests of our own went through: the flood was over too soon to say anything", len(took))
		}
		if late := took[len(took)*95/100]; late > lateRequest {
			return fmt.Errorf("of twenty requests one took %v or more", late)
		}
		ms = took[len(took)/2].Milliseconds()
		note(t, "%d requests of our own in %d, the longest took %d ms", len(took), n, took[len(took)-1].Milliseconds())
		return errors.Join(c.Close(), script.Wait(t.Context()))
	})
	return ms, err
}
