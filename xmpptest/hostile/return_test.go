package hostile_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// Why a client may call again.
const (
	streamLost = "a stream that broke is none of the account's faults, and its server may be itself again (RFC 6120 §3.3)"
	sentAway   = "the account's server may be found at the address that it had (RFC 6120 §4.9.3.19)"
)

// impostors answer a client that calls again. Each proves less than it must: the first has no TLS, the second another's certificate, and the others
// have the certificate and end the stream where they would have to let us prove each other the password. (One that offers less than before ends the
// client for good: S031.) Where there is no TLS at all they are silent behind their header.
type impostors struct {
	srv, other *xmpptest.Server
	road       *detour
	clear      bool
	called     atomic.Int32
	heard      record[string]
}

// impose lets impostors answer every connection of line but the next one, until they are over.
func impose(srv *xmpptest.Server, line *tap, clear bool) (*impostors, error) {
	other, err := xmpptest.Start(&xmpptest.Options{Certificate: xmpptest.CertificateOtherName})
	if err != nil {
		return nil, err
	}
	i := &impostors{srv: srv, other: other, clear: clear, road: &detour{Dialer: line.Dialer, other: other.Dialer()}}
	line.Dialer = i.road
	srv.ScriptAll(i.play)
	other.ScriptAll(func(c *xmpptest.ScriptConn) error {
		if c.Greet() == nil {
			_ = c.Send(offer(sha))
		}
		i.road.on.Store(false)
		return i.hear(c)
	})
	return i, nil
}

func (i *impostors) close() {
	i.srv.ScriptAll(nil)
	i.other.Close()
}

func (i *impostors) play(c *xmpptest.ScriptConn) error {
	c.SetPatience(10 * time.Second)
	sm := "<sm xmlns='" + nsSM + "'/><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
	if i.clear {
		_ = errors.Join(second(c.Header()), c.Send(header))
		return i.hear(c)
	}
	if i.called.Add(1) == 1 {
		_ = errors.Join(second(c.Header()), c.Send(header+offerAnd(sm, "PLAIN")))
		i.road.on.Store(true)
		return i.hear(c)
	}
	_ = errors.Join(c.Greet(), c.Send("</stream:stream>"))
	return i.hear(c)
}

func (i *impostors) hear(c *xmpptest.ScriptConn) error {
	_ = drain(c)
	i.heard.add(c.Log())
	return nil
}

// calls is what came of the connections behind a session that was ended.
type calls struct {
	heard []string // by impostors
	clear bool
	led   int32 // astray, to another's certificate
	back  xmpp.State
}

// over ends the impostors. Who is to return then finds its server again.
func (i *impostors) over(t *testing.T, c client, returns bool) calls {
	got := calls{clear: i.clear, led: i.road.gone.Load(), heard: i.heard.list()}
	i.srv.ScriptAll(nil)
	i.road.on.Store(false)
	for n := 0; returns && c.State() != xmpp.Online && n < 180; n++ {
		pass(time.Second)
	}
	got.back = c.State()
	return got
}

// judge is the oracle: what does not hold of a client that may call again.
func (c calls) judge(before xmpp.State) error {
	var f faults
	if before != xmpp.Reconnecting {
		f.addf("with impostors it is %v", before)
	}
	if c.back != xmpp.Online {
		f.addf("with its own server again it is %v", c.back)
	}
	if n := len(c.heard); n < 1 || !c.clear && (n < 3 || c.led != 1) {
		f.addf("only %d impostors were called, %d with another's certificate", n, c.led)
	}
	for n, text := range c.heard {
		if told.MatchString(text) || strings.Contains(text, "previd") || n == 0 && strings.Contains(text, " from=") {
			f.addf("impostor %d heard %s", n, short(text))
		}
	}
	return f.err()
}
