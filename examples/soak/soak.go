package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// patience is how long the last message may take, longer than a dead connection stays undetected.
const patience = 3 * time.Minute

// soak is one run; true: everything arrived once and in order.
func soak(ctx context.Context, s *settings, stdout io.Writer) (whole bool, err error) {
	p, err := find(s)
	if err != nil {
		return false, err
	}
	defer p.close()
	l := newLedger(len(p.accounts), s.messages)
	bots := make([]*bot, len(p.accounts))
	for i, cfg := range p.accounts {
		if bots[i], err = newBot(i, cfg, l); err != nil {
			return false, err
		}
		defer bots[i].conn.Close()
	}
	for _, b := range bots {
		if err := b.login(ctx); err != nil {
			return false, err
		}
	}

	sending, stop := context.WithTimeout(ctx, s.duration+patience)
	defer stop()
	live, quiet := context.WithCancel(ctx)
	var background, senders sync.WaitGroup
	background.Go(func() { p.trouble(live, s) })
	background.Go(func() { report(live, stdout, bots, l) })
	failed := make([]error, len(bots))
	for i, b := range bots {
		senders.Go(func() { failed[i] = b.send(sending, bots[(i+1)%len(bots)].conn.User().Bare(), s) })
	}
	senders.Wait()
	l.wait(sending, func() bool { return left(bots) == 0 })
	quiet()
	background.Wait()
	return verdict(stdout, bots, l) && ctx.Err() == nil, errors.Join(failed...)
}
