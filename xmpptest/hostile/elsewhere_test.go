package hostile_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// ledAstray: SRV leads to a place that has a good certificate, but of its own name.
func ledAstray(t *testing.T) error {
	return serve(t, shows("example.org", wildcard("evil.test")), func(evil *xmpptest.Server) error {
		z := &zone{
			srv:   map[string][]*net.SRV{"xmpp-client": {{Target: "evil.test.", Port: 5222}}, "xmpps-client": {{Target: "evil.test.", Port: 5223}}},
			hosts: map[string]*xmpptest.Server{"evil.test": evil},
		}
		var logs record[*xmpptest.ScriptConn]
		evil.ScriptAll(func(c *xmpptest.ScriptConn) error {
			logs.add(c)
			_ = c.Greet()
			return nil
		})
		c, err := xmpp.NewConnection(configuration(evil, trusting, z.use))
		if err != nil {
			return err
		}
		defer c.Close()
		var f faults
		f = append(f, badCert(c.Login(t.Context(), "", "")))
		if logs.len() != 2 {
			f.addf("%d connections, not 2", logs.len())
		}
		for _, c := range logs.list() {
			if strings.Contains(c.Log(), "<auth") || strings.Contains(c.Log(), "from=") {
				f.addf("it wrote %q", c.Log())
			}
		}
		for _, q := range z.asked.list() {
			if !strings.HasPrefix(q, "_xmpp-client._tcp.") && !strings.HasPrefix(q, "_xmpps-client._tcp.") {
				f.addf("it asked for %s", q) // TXT records lead nowhere
			}
		}
		return f.err()
	})
}

// truncated breaks the connection off at every byte of a stanza, without an end of stream or of TLS. The session must go on.
func truncated(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		c, err := xmpp.NewConnection(configuration(srv))
		if err != nil {
			return err
		}
		defer c.Close()
		s := &session{Connection: c}
		s.listen()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		const half = "<message from='" + contact + "'><body>half</body></message>"
		step := 1
		if few() {
			step = 9
		}
		resumed := int64(0)
		for at := 1; at < len(half); at += step {
			moment()
			conn := srv.Connections("romeo")[0]
			conn.Send(fmt.Sprintf("<message from='%s'><body>whole %d</body></message>", contact, at))
			conn.Send(half[:at])
			moment()
			conn.Cut()
			pass(time.Second)
			for waited := 0; c.State() != xmpp.Online && waited < 120; waited++ {
				pass(time.Second)
			}
			resumed++
			if got := c.Stats().Resumed; c.State() != xmpp.Online || got != resumed {
				return fmt.Errorf("cut at byte %d: %v, resumed %d times, not %d", at, c.State(), got, resumed)
			}
		}
		heard := strings.Join(s.heard.list(), "\n")
		if strings.Contains(heard, "half") {
			return fmt.Errorf("half a message was heard")
		}
		if n := strings.Count(heard, "message"); n != int(resumed) {
			return fmt.Errorf("%d of %d whole messages were heard", n, resumed)
		}
		return nil
	})
}
