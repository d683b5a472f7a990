package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/bench/stat"
)

// besides is how many connections the peers hold, oursAlone what ours does beside that.
const besides = 1000

var oursAlone = []int{1, 10, 100, 10_000}

// An idler is what a number of connections cost.
type idler struct {
	c        *contender
	n        int
	rss      [2]stat.Sample // bytes of a connection in the clear and with TLS
	heap     stat.Sample
	routines stat.Sample
}

// idle is the resident memory that a connection keeps while nothing happens.
func idle(ctx context.Context, l *lab) (*section, error) {
	var all []*idler
	for _, c := range l.peers {
		if !c.does("idle") {
			continue
		}
		counts := []int{besides}
		if c.ours() && !l.quick {
			counts = append(counts, oursAlone...)
		}
		for _, n := range counts {
			all = append(all, &idler{c: c, n: n})
		}
	}
	rounds := l.rounds
	if l.quick {
		rounds = 1 // it varies little
	}
	for round := range rounds {
		for _, i := range all {
			for tls := range 2 {
				if err := i.measure(ctx, l, tls == 1); err != nil {
					return nil, err
				}
			}
			l.printf("idle, round %d: %-20s %5d connections %8.0f B, with TLS %8.0f B\n", round+1, i.c.title, i.n, last(i.rss[0]), last(i.rss[1]))
		}
	}
	return idleSection(l, all), nil
}

func (i *idler) measure(ctx context.Context, l *lab, tls bool) error {
	var flags []string
	k := 0
	if tls {
		if i.c.name == "gosrc" {
			return l.failed(i.c, errors.New("gosrc.io/xmpp with TLS, because this server has no STARTTLS"))
		}
		flags, k = []string{"-addr", l.server.TLS, "-ca", l.ca}, 1
	}
	r, err := l.run(ctx, i.c, "idle", i.n, flags...)
	if err != nil {
		return l.failed(i.c, err)
	}
	i.rss[k] = append(i.rss[k], r.Values["rss"])
	if k == 0 {
		i.heap = append(i.heap, r.Values["heap"]+r.Values["stack"])
		i.routines = append(i.routines, r.Values["goroutines"])
	}
	return nil
}

func last(s stat.Sample) float64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1]
}

func idleSection(l *lab, all []*idler) *section {
	s := &section{name: "idle"}
	s.row("client", "connections", "goroutines each", "heap and stack, kB each", "resident, kB each", "with TLS, kB each")
	kB := scale(1000, tenths)
	for _, i := range all {
		if len(i.rss[0]) == 0 {
			continue
		}
		secure := "not measured"
		if len(i.rss[1]) > 0 {
			secure = spread(i.rss[1], kB)
		}
		s.row(i.c.title, whole(float64(i.n)), tenths(i.routines.Median()), kB(i.heap.Median()), spread(i.rss[0], kB), secure)
		if i.n == besides {
			l.plots.memory = append(l.plots.memory, bar{i.c.title, i.c.ours(), i.rss[:]})
		}
		if !i.c.ours() {
			continue
		}
		if i.n >= besides {
			what := fmt.Sprintf("resident memory of an idle connection, of %s", whole(float64(i.n)))
			s.goal(i.rss[0].Median() <= 12_000, what, spread(i.rss[0], kB)+" kB", "≤ 12 kB")
			s.goal(i.rss[1].Median() <= 26_000, what+" with TLS", spread(i.rss[1], kB)+" kB", "≤ 26 kB")
		}
	}
	s.note("The difference that all connections make to what the process has resident, behind a garbage collection that returns what is free, divided by their number. Of few it is a matter of pages.")
	return s
}
