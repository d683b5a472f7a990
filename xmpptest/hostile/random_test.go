package hostile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xmpptest"
)

// nonces logs in n times and counts what repeats itself or is short.
func nonces(n int, clear bool) func(*testing.T) (int64, error) {
	return func(t *testing.T) (bad int64, err error) {
		if few() {
			n /= 10
		}
		options := &xmpptest.Options{Plaintext: clear}
		err = serve(t, options, func(srv *xmpptest.Server) error {
			var seen record[string]
			srv.ScriptAll(func(c *xmpptest.ScriptConn) error {
				var err error
				if clear {
					err = errors.Join(second(c.Header()), c.Send(header))
				} else {
					err = c.Greet()
				}
				err = errors.Join(err, c.Send(offerAnd(bindings(export), sha, plus)))
				auth, e := c.Expect("auth")
				seen.add(nonceOf(auth.Text()))
				c.Cut()
				return errors.Join(err, e)
			})
			cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
				if clear {
					cfg.Security = xmpp.SecurityPlaintext
				}
			})
			for range n {
				c, err := xmpp.NewConnection(cfg)
				if err != nil {
					return err
				}
				if c.Login(t.Context(), "", "") == nil {
					return errors.New("a login that was cut off succeeded")
				}
				if err := c.Close(); err != nil {
					return err
				}
			}
			if seen.len() != n {
				return fmt.Errorf("%d nonces of %d logins", seen.len(), n)
			}
			known := map[string]bool{}
			for _, nonce := range seen.list() {
				if known[nonce] || len(nonce) < 22 { // 128 bits in base64
					bad++
				}
				known[nonce] = true
			}
			return nil
		})
		return bad, err
	}
}

// mechanismNonces begins ten thousand exchanges of SCRAM, with channel binding and without by turns, and counts what repeats itself or is short.
func mechanismNonces(t *testing.T) (bad int64, err error) {
	const exchanges = 10_000
	note(t, "%d exchanges", exchanges)
	p := sasl.Params{Username: "romeo", Password: canary, Bindings: []sasl.ChannelBinding{{Type: export, Data: []byte("x")}}, OfferedBindings: []string{export}}
	known := map[string]bool{}
	for n := range exchanges {
		if p.Offered = []string{sha, plus}; n%2 == 0 {
			p.Offered, p.OfferedBindings = []string{sha}, nil
		} else {
			p.OfferedBindings = []string{export}
		}
		m, err := sasl.Select(&p, []string{sha, plus})
		if err != nil || (m.Name == plus) != (n%2 == 1) {
			return 0, errors.Join(err, fmt.Errorf("it selects %s", m.Name))
		}
		x, err := m.New(&p)
		if err != nil {
			return 0, err
		}
		first, err := x.Next(nil)
		if err != nil {
			return 0, err
		}
		_, nonce, _ := strings.Cut(string(first), ",r=")
		if known[nonce] || len(nonce) < 22 { // 128 bits in base64
			bad++
		}
		known[nonce] = true
	}
	return bad, nil
}

// ids looks at the ids of a session.
func ids(t *testing.T) (bad int64, err error) {
	err = meet(t, nil, nil, nil, func(s *session) error {
		before := len(s.conn.Log())
		for i := range 1000 {
			if err := errors.Join(say("x")(t.Context(), s), second(ping.Ping(t.Context(), s.Connection, jid.MustParse("localhost")))); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		seen := map[string]bool{}
		last := ""
		n := 0
		for e := range parsed(s.conn.Log()[before:]) {
			id := e.Attr("id")
			same := 0
			for i := range min(len(id), len(last)) {
				if id[i] == last[i] {
					same++
				}
			}
			if len(id) < 16 || seen[id] || same > len(id)/2 { // 96 random bits are 16 characters of base64
				bad++
			}
			seen[id], last = true, id
			n++
		}
		if n != 2000 {
			return fmt.Errorf("%d stanzas", n)
		}
		return nil
	})
	return bad, err
}

// millionIDs counts what repeats itself or is short among ids as stanzas get them.
func millionIDs(t *testing.T) (bad int64, err error) {
	n := amount(1_000_000, 50_000)
	note(t, "%d ids", n)
	known := make(map[string]bool, n)
	for range n {
		id := stanza.NewID()
		if len(id) < 16 || known[id] {
			bad++
		}
		known[id] = true
	}
	return bad, nil
}

// evenIDs is the chi-square of the characters at each place, for the place where it is worst. Above 150 chance comes once in a hundred million times. The
// last place has the two bits that are left.
func evenIDs(*testing.T) (worst int64, err error) {
	n := amount(1_000_000, 50_000)
	counts := make([]map[byte]int, len(stanza.NewID())-1)
	for i := range counts {
		counts[i] = map[byte]int{}
	}
	for range n {
		id := stanza.NewID()
		for i := range counts {
			counts[i][id[i]]++
		}
	}
	for i, seen := range counts {
		if len(seen) != 64 {
			return 0, fmt.Errorf("%d characters at place %d", len(seen), i)
		}
		sum, expected := 0.0, float64(n)/64
		for _, c := range seen {
			sum += (float64(c) - expected) * (float64(c) - expected) / expected
		}
		worst = max(worst, int64(sum))
	}
	return worst, nil
}
