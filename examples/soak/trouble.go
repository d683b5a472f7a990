package main

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/gosmack/xmpp/xmpptest/faultproxy"
)

// trouble cuts, stalls and restarts until ctx ends; then the network is good, so that what is under way arrives. It begins when all
// are online.
func (p *place) trouble(ctx context.Context, s *settings) {
	ctx, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	if s.cuts > 0 {
		p.proxy.SetPlan(cuts(s, len(p.accounts)))
		p.proxy.Cut(faultproxy.RST) // the connections so far have none
	}
	rng := rand.New(rand.NewPCG(s.seed, 0))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	for n := 1; pause(ctx, s.duration/20+upTo(s.duration/10)); n++ {
		switch {
		case s.cuts == 0:
		case n%4 == 0 && p.server != nil:
			p.restart(ctx)
		default:
			p.proxy.Stall(true)
			pause(ctx, upTo(2*time.Second))
			p.proxy.Stall(false)
		}
	}
	p.proxy.SetPlan(nil)
	if s.cuts > 0 {
		p.proxy.Cut(faultproxy.FIN) // who has a cut before him gets a good connection
	}
}

// cuts is a plan with so many cuts in all, spread over what the messages need.
func cuts(s *settings, bots int) faultproxy.Plan {
	var made atomic.Int64
	// A message costs about 500 bytes with what belongs to it, a login 6000, and who is cut before it is done gets nowhere.
	plan := faultproxy.Cuts(int64(10_000 + 500*bots*s.messages/s.cuts))
	return func(r *rand.Rand) faultproxy.Faults {
		if made.Add(1) > int64(s.cuts) {
			return faultproxy.Faults{}
		}
		return plan(r)
	}
}

// restart ends all sessions, as a server does that stops in order: it can tell how much of each it had handled, and is away for a
// moment.
func (p *place) restart(ctx context.Context) {
	p.server.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount})
	p.proxy.Refuse(true)
	p.proxy.Cut(faultproxy.RST)
	pause(ctx, 500*time.Millisecond)
	p.proxy.Refuse(false)
	pause(ctx, 3*time.Second)
	p.server.SetStreamManagement(xmpptest.StreamManagement{})
}
