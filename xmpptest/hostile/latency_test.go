package hostile_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xmpptest"
)

// latency is how many requests of a flood, which comes as fast as it is read, there are for each of our own, which are made one behind the other. How long these
// take is noted: it is a matter of the machine.
func latency(t *testing.T) (between int64, err error) {
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
		between = int64(n / len(took))
		note(t, "half of our own %d took %d ms or less, the longest %d ms", len(took), took[len(took)/2].Milliseconds(), took[len(took)-1].Milliseconds())
		return errors.Join(c.Close(), script.Wait(t.Context()))
	})
	return between, err
}
