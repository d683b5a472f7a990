package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// agree holds the counts of the server against those of the client.
func (g *tale) agree(sent, received uint32) error {
	pass(5 * time.Second)
	for _, c := range g.srv.Connections("romeo") {
		c.Send("<r xmlns='" + nsSM + "'/>")
	}
	pass(5 * time.Second)
	all := g.srv.Sessions("romeo")
	if len(all) != 1 || !all[0].Connected || all[0].Received != sent || all[0].Acked != received || all[0].Unacked+all[0].Waiting != 0 || g.Stats().Unacked != 0 {
		return fmt.Errorf("the server has %+v, not %d and %d; the client %+v", all, sent, received, g.Stats())
	}
	return nil
}

func threeResumptions(ctx context.Context, g *tale) error { return resumed3(ctx, g, 4) }

func threeResumptionsOfNothing(ctx context.Context, g *tale) error { return resumed3(ctx, g, 0) }

// resumed3 talks before each of three cuts, each to itself: what is sent is received.
func resumed3(ctx context.Context, g *tale, each int) error {
	pass(time.Second)
	first := g.srv.Sessions("romeo")
	if len(first) != 1 {
		return fmt.Errorf("%d sessions", len(first))
	}
	sent, received := first[0].Received, first[0].Sent
	for round := range 3 {
		for n := range each {
			if err := g.Send(ctx, &stanza.Message{To: g.User(), Type: stanza.MessageChat, Body: fmt.Sprint(round, n)}); err != nil {
				return err
			}
			sent, received = sent+1, received+1
		}
		if err := g.agree(sent, received); err != nil {
			return fmt.Errorf("before cut %d: %w", round, err)
		}
		g.srv.Drop("romeo")
		for n := 0; g.Stats().Resumed != int64(round+1); n++ {
			if pass(100 * time.Millisecond); n > 600 {
				return fmt.Errorf("it was not resumed: %+v", g.Stats())
			}
		}
		if err := g.agree(sent, received); err != nil {
			return fmt.Errorf("behind resumption %d: %w", round+1, err)
		}
	}
	if n := g.heard.len(); n != 3*each {
		return fmt.Errorf("%d of %d were heard", n, 3*each)
	}
	return nil
}

// whatCounts sends one thing after the other, and h has to be right behind each.
func whatCounts(l *leg) error {
	if err := l.managed("1"); err != nil {
		return err
	}
	h := 1 // the answer with the roster
	for _, step := range []struct {
		counts int
		send   string
	}{
		{1, "<message from='" + contact + "'><body>x</body></message>"},
		{1, "<presence from='" + contactFull + "'/>"},
		{1, "<iq type='get' id='1' from='" + domain + "'><ping xmlns='urn:xmpp:ping'/></iq>"},
		{1, "<message from='@@'><body>no address</body></message>"},
		{1, "<presence type='no such type' from='" + contact + "'/>"},
		{1, "<iq/>"},
		{1, "<message/>"},
		{1, "<iq type='result' id='nobody asked'/>"},
		{0, "<r xmlns='" + nsSM + "'/>"},
		{0, ack(1)},
		{0, " \n\t "},
		{0, "<nonza xmlns='urn:example:nonza'><message xmlns='jabber:client'/></nonza>"},
		{0, "<message xmlns='jabber:server' from='" + contact + "'/>"},
		{0, "<message xmlns='urn:evil'/>"},
		{0, "<other/>"},
		{1, "<message from='" + own + "'><received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" + contact + "'><body>y</body></message></forwarded></received></message>"},
		{1, "<message from='" + contact + "'><message><body>in another</body></message><stream:features/></message>"},
		{2, "<message from='" + contact + "'><body>x</body></message><message from='" + contact + "'><body>x</body></message>"},
	} {
		h += step.counts
		if err := errors.Join(l.say(step.send), l.handled(fmt.Sprint(h))); err != nil {
			return fmt.Errorf("%s: %w", step.send, err)
		}
		if strings.HasPrefix(step.send, "<r ") {
			if err := second(l.Await("<a ")); err != nil { // each <r/> has its answer
				return err
			}
		}
	}
	return nil
}

func waits(_ context.Context, g *tale) error {
	pass(time.Minute)
	if g.State() != xmpp.Online || g.dials.dials.len() != 1 {
		return fmt.Errorf("%v: %w", g.State(), g.Err())
	}
	return nil
}
