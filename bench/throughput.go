package main

import (
	"context"
	"fmt"

	"github.com/gosmack/xmpp/bench/stat"
)

// A reading is what a contender did in all rounds.
type reading struct {
	*contender
	n                int
	rate, cpu, rss   stat.Sample // stanzas a second, CPU µs of a stanza, bytes
	mallocs, garbage stat.Sample // of a stanza; Go alone
}

// throughput lets all read the corpus, one after the other, round after round.
func throughput(ctx context.Context, l *lab) ([]*reading, error) {
	var all []*reading
	for _, c := range l.peers {
		all = append(all, &reading{contender: c, n: l.scaled(c.n)})
	}
	for round := range l.rounds {
		for _, r := range all {
			result, err := l.receive(ctx, r.contender, r.mix, r.n)
			if err != nil {
				return nil, err
			}
			n := float64(r.n)
			r.rate = append(r.rate, n/result.Elapsed)
			r.cpu = append(r.cpu, result.CPU/n*1e6)
			r.rss = append(r.rss, float64(result.RSS))
			r.mallocs = append(r.mallocs, float64(result.Mallocs)/n)
			r.garbage = append(r.garbage, float64(result.Bytes)/n)
			l.printf("round %d: %-45s %9.0f stanzas/s  %6.2f µs CPU  %6.1f MB\n", round+1, r.title, r.rate[round], r.cpu[round], r.rss[round]/1e6)
		}
	}
	return all, nil
}

func printThroughput(l *lab, all []*reading) {
	l.printf("\nmedians of %d rounds\n", l.rounds)
	var ours *reading
	for _, r := range all {
		if r.ours {
			ours = r
		}
	}
	for _, r := range all {
		ratio := ""
		if ours != nil {
			q := ours.rate.Over(r.rate)
			ratio = fmt.Sprintf("ours is %.2f times as fast (%.2f … %.2f)", ours.rate.Median()/r.rate.Median(), q.Min(), q.Max())
		}
		l.printf("%-45s %9.0f stanzas/s (%.0f … %.0f)  %6.2f µs CPU  %6.1f MB  %5.1f allocs  %6.0f B  %s\n",
			r.title, r.rate.Median(), r.rate.Min(), r.rate.Max(), r.cpu.Median(), r.rss.Median()/1e6, r.mallocs.Median(), r.garbage.Median(), ratio)
	}
}
