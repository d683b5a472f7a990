package xmpptest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// survivor is a client that resumes whenever its connection breaks.
type survivor struct {
	*rawClient
	cuts    *rand.Rand
	id      string
	handled uint32
	sent    int // how many messages it made
	acked   int
	heard   []string
	lives   int
}

// broken resumes after an error, and again if that breaks too.
func (c *survivor) broken() {
	c.lives++
	require.Less(c.t, c.lives, 1000, "it gets no further")
	c.rawClient = resume(c.t, c.srv, "romeo", c.id, int(c.handled))
	e := c.expect("<resumed", "previd='"+c.id+"'")
	c.took(e.Attr("h"))
	c.weaken()
	for i := c.acked; i < c.sent; i++ {
		if c.write(i) != nil {
			return // what reads next sees it too
		}
	}
}

// weaken makes the connection break at some byte.
func (c *survivor) weaken() {
	c.srv.SetFaults("romeo", xmpptest.Faults{CutAfterRead: 1 + c.cuts.Int64N(500), CutAfterWrite: 1 + c.cuts.Int64N(900)})
}

func (c *survivor) took(h string) {
	n := 0
	_, err := fmt.Sscan(h, &n)
	require.NoError(c.t, err)
	require.GreaterOrEqual(c.t, n, c.acked)
	require.LessOrEqual(c.t, n, c.sent)
	c.acked = n
}

func (c *survivor) write(i int) error {
	_, err := fmt.Fprintf(c.conn, "<message type='chat' to='juliet@localhost'><body>%d</body></message><r %s/>", i, sm)
	return err
}

// exchange sends one message and reads until all is acknowledged.
func (c *survivor) exchange() {
	c.sent++
	_ = c.write(c.sent - 1)
	for c.acked < c.sent {
		e, err := c.read()
		switch {
		case err != nil:
			c.broken()
		case e.Local() == "a":
			c.took(e.Attr("h"))
		case e.Local() == "message":
			c.handled++
			c.heard = append(c.heard, e.Child("jabber:client", "body").Text())
		case e.Local() == "r":
			_, _ = fmt.Fprintf(c.conn, "<a %s h='%d'/>", sm, c.handled)
		}
	}
}

// Whatever the byte at which connections break, nothing is lost, nothing comes
// twice, the order stays and both sides count the same.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				juliet := online(t, srv, "juliet", "x")
				romeo := &survivor{rawClient: login(t, srv, "romeo", "orchard"), cuts: rand.New(rand.NewPCG(seed, 1))}
				romeo.id = romeo.enable()
				romeo.weaken()
				const n = 200
				for i := range n {
					juliet.send("<message to='romeo@localhost/orchard'><body>%d</body></message>", i)
					romeo.exchange()
				}
				srv.SetFaults("romeo", xmpptest.Faults{})
				juliet.send("<message to='romeo@localhost/orchard'><body>%d</body></message>", n)
				for len(romeo.heard) <= n {
					romeo.exchange()
				}
				for i, body := range romeo.heard {
					require.Equal(t, fmt.Sprint(i), body)
				}
				for i := range romeo.sent {
					juliet.expect(fmt.Sprintf("<body>%d</body>", i))
				}
				juliet.sync()
				s := state(t, srv, "romeo")
				require.EqualValues(t, romeo.sent, s.Received)
				require.Equal(t, romeo.handled, s.Sent)
				require.Greater(t, srv.Dialer().Dials(), 40, "the connection broke often")
			})
		})
	}
}
