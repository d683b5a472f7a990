package main

import (
	"context"

	"github.com/gosmack/xmpp/bench/stat"
)

// A sender is what a contender did while it sent.
type sender struct {
	rate, cpu, mallocs, garbage stat.Sample // messages a second, CPU µs, allocations and bytes of a message
}

// sending is how fast messages leave, from one goroutine and from many, and how soon one that is
// alone is at the server.
func sending(ctx context.Context, l *lab) (*section, error) {
	counts := map[string]int{"ours": 500_000, "raw": 200_000}
	workers := []string{"1", "64"}
	all := map[string]*sender{}
	for round := range l.rounds {
		for _, c := range l.peers {
			if !c.does("drain") {
				continue
			}
			n := counts[c.name]
			if n == 0 {
				n = 50_000
			}
			n = l.scaled(n)
			for _, w := range workers {
				result, err := l.run(ctx, c, "drain", n, "-workers", w)
				if err != nil {
					if err := l.failed(c, err); err != nil {
						return nil, err
					}
					continue
				}
				key := c.name + w
				if all[key] == nil {
					all[key] = new(sender)
				}
				r := all[key]
				r.rate = append(r.rate, float64(n)/result.Elapsed)
				r.cpu = append(r.cpu, result.CPU/float64(n)*1e6)
				r.mallocs = append(r.mallocs, float64(result.Mallocs)/float64(n))
				r.garbage = append(r.garbage, float64(result.Bytes)/float64(n))
				l.printf("sending, round %d: %-20s %2s goroutines %9.0f messages/s %6.2f µs CPU %5.1f allocations\n",
					round+1, c.title, w, float64(n)/result.Elapsed, result.CPU/float64(n)*1e6, float64(result.Mallocs)/float64(n))
			}
		}
	}
	s := &section{name: "sending"}
	s.row("client", "messages/s from 1 goroutine", "from 64", "CPU µs/message", "allocations/message", "B/message")
	for _, c := range l.peers {
		one, many := all[c.name+"1"], all[c.name+"64"]
		if one == nil || many == nil {
			continue
		}
		title := c.title
		if c.blind {
			title += ", a write for each"
		}
		s.row(title, spread(one.rate, whole), spread(many.rate, whole), spread(one.cpu, hundredths), tenths(one.mallocs.Median()), whole(one.garbage.Median()))
	}
	if one, many := all["ours1"], all["ours64"]; one != nil && many != nil {
		s.goal(one.rate.Median() >= 1e6, "messages/s from one goroutine", spread(one.rate, whole), "≥ 1 000 000")
		q := many.rate.Over(one.rate)
		s.goal(q.Median() >= 1, "messages/s from 64 goroutines against one", spread(q, hundredths)+" ×", "≥ 1 ×")
		s.goal(one.mallocs.Median() <= 2, "allocations for a message sent", spread(one.mallocs, hundredths), "≤ 2")
	}
	return s, lone(ctx, l, s)
}

// lone adds how long a message takes to the server when nothing else is under way.
func lone(ctx context.Context, l *lab, s *section) error {
	m, err := l.rallies(ctx, "lone", l.scaled(1000))
	if err != nil {
		return err
	}
	for _, c := range l.peers {
		if v := m[c.name]; v != nil {
			s.note("A message that is alone, 2 ms behind the one before, is read by the server after %s µs, p99 %s µs: %s.",
				spread(v["way50"], scale(1e3, tenths)), spread(v["way99"], scale(1e3, tenths)), c.title)
		}
	}
	return nil
}
