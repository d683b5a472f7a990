package main

import (
	"context"
	"slices"

	"github.com/gosmack/xmpp/bench/stat"
)

// A reading is what a contender did in all rounds.
type reading struct {
	*contender
	title            string
	mix              string
	n                int
	rate, cpu, rss   stat.Sample // stanzas a second, CPU µs of a stanza, bytes
	mallocs, garbage stat.Sample // of a stanza; Go alone
}

// throughput lets all read the corpus, one after the other, round after round.
func throughput(ctx context.Context, l *lab) (*section, error) {
	var all []*reading
	partly := false
	for _, c := range l.peers {
		all = append(all, &reading{contender: c, title: c.title, mix: c.mix, n: l.scaled(c.n)})
		partly = partly || c.mix == "live"
	}
	if c := l.find("ours"); c != nil && partly {
		all = append(all, &reading{contender: c, title: "this library, without archive results", mix: "live", n: l.scaled(c.n)})
	}
	for round := range l.rounds {
		for _, r := range all {
			result, err := l.receiveMix(ctx, r.contender, r.mix, r.n)
			if err != nil {
				if err := l.failed(r.contender, err); err != nil {
					return nil, err
				}
				continue
			}
			n := float64(r.n)
			r.rate = append(r.rate, n/result.Elapsed)
			r.cpu = append(r.cpu, result.CPU/n*1e6)
			r.rss = append(r.rss, float64(result.RSS))
			r.mallocs = append(r.mallocs, float64(result.Mallocs)/n)
			r.garbage = append(r.garbage, float64(result.Bytes)/n)
			l.printf("throughput, round %d: %-38s %9.0f stanzas/s %7.2f µs CPU\n", round+1, r.title, n/result.Elapsed, result.CPU/n*1e6)
		}
	}
	all = slices.DeleteFunc(all, func(r *reading) bool { return len(r.rate) == 0 })
	return throughputSection(l, all), nil
}

func throughputSection(l *lab, all []*reading) *section {
	s := &section{name: "throughput"}
	s.row("client", "version", "stanzas read", "stanzas/s", "CPU µs/stanza", "allocations/stanza", "B/stanza", "peak MB", "this library is as fast ×", "with as little CPU ×")
	ours := findReading(all, "ours", "full")
	for _, r := range all {
		mallocs, garbage, times, cpu := "", "", "", ""
		if !r.foreign {
			mallocs, garbage = tenths(r.mallocs.Median()), whole(r.garbage.Median())
		}
		if base := findReading(all, "ours", r.mix); base != nil && !r.ours() {
			times, cpu = spread(base.rate.Over(r.rate), hundredths), spread(r.cpu.Over(base.cpu), hundredths)
		}
		title := r.title
		if r.mix == "live" && !r.ours() {
			title += ", without archive results"
		}
		s.row(title, r.version, whole(float64(r.n)), spread(r.rate, whole), spread(r.cpu, hundredths), mallocs, garbage, tenths(r.rss.Median()/1e6), times, cpu)
		l.plots.throughput = append(l.plots.throughput, bar{title, r.ours(), []stat.Sample{r.rate}})
	}
	for _, a := range l.absent {
		s.note("Not measured: %s.", a)
	}
	if ours == nil {
		return s
	}
	var fastest *reading
	for _, r := range all {
		if r.module != "" && !r.ours() && r.mix == "full" && (fastest == nil || r.rate.Median() > fastest.rate.Median()) {
			fastest = r
		}
	}
	if fastest != nil {
		s.ratioGoals("stanzas/s against the fastest Go peer that reads all, "+fastest.title, ours.rate.Over(fastest.rate), 10, 20)
	}
	if r := findReading(all, "libstrophe", "full"); r != nil {
		s.ratioGoals("stanzas/s against "+r.title, ours.rate.Over(r.rate), 4, 10)
	}
	if r := findReading(all, "raw", "full"); r != nil {
		q := ours.rate.Over(r.rate)
		s.goal(q.Median() >= 0.25, "stanzas/s against "+r.title, spread(q, hundredths)+" ×", "≥ 0.25 ×, the ambition")
	}
	return s
}

// ratioGoals are a goal and the ambition behind it.
func (s *section) ratioGoals(what string, q stat.Sample, want, ambition float64) {
	s.goal(q.Median() >= want, what, spread(q, hundredths)+" ×", "≥ %.0f ×", want)
	s.goal(q.Median() >= ambition, what, spread(q, hundredths)+" ×", "≥ %.0f ×, the ambition", ambition)
}

func findReading(all []*reading, name, mix string) *reading {
	for _, r := range all {
		if r.name == name && r.mix == mix {
			return r
		}
	}
	return nil
}
