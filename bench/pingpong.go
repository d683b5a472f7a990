package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/gosmack/xmpp/bench/stat"
)

// A matrix has a sample for each contender and figure.
type matrix map[string]map[string]stat.Sample

// rallies lets all contenders that know a job do it, round after round, and collects the values
// that they report.
func (l *lab) rallies(ctx context.Context, job string, n int, flags ...string) (matrix, error) {
	m := matrix{}
	for round := range l.rounds {
		for _, c := range l.peers {
			if !c.does(job) {
				continue
			}
			result, err := l.run(ctx, c, job, n, flags...)
			if err != nil {
				if err := l.failed(c, err); err != nil {
					return nil, err
				}
				continue
			}
			if m[c.name] == nil {
				m[c.name] = map[string]stat.Sample{}
			}
			for name, v := range result.Values {
				m[c.name][name] = append(m[c.name][name], v)
			}
			l.printf("%s, round %d: %-30s %s\n", job, round+1, c.title, brief(result.Values))
		}
	}
	return m, nil
}

func brief(values map[string]float64) string {
	s := ""
	for _, name := range slices.Sorted(maps.Keys(values)) {
		s += fmt.Sprintf("%s %.3g  ", name, values[name])
	}
	return s
}

// pingpong is one message to and fro, each sent from the handler of the one before.
func pingpong(ctx context.Context, l *lab) (*section, error) {
	m, err := l.rallies(ctx, "echo", l.scaled(20_000))
	if err != nil {
		return nil, err
	}
	s := &section{name: "pingpong"}
	s.row("client", "median µs", "p99 µs", "median × the bare socket", "p99 × the bare socket")
	bare := m["raw"]
	for _, c := range l.peers {
		v := m[c.name]
		if v == nil {
			continue
		}
		times, tail := "", ""
		if bare != nil && c.name != "raw" {
			times, tail = spread(v["round50"].Over(bare["round50"]), hundredths), spread(v["round99"].Over(bare["round99"]), hundredths)
		}
		s.row(c.title, spread(v["round50"], scale(1e3, tenths)), spread(v["round99"], scale(1e3, tenths)), times, tail)
	}
	if v := m["ours"]; v != nil && bare != nil {
		median, tail := v["round50"].Over(bare["round50"]), v["round99"].Over(bare["round99"])
		s.goal(median.Median() <= 1.5, "ping-pong against the bare socket, median", spread(median, hundredths)+" ×", "≤ 1.5 ×")
		s.goal(tail.Median() <= 3, "ping-pong against the bare socket, p99", spread(tail, hundredths)+" ×", "≤ 3 ×")
	}
	return s, nil
}
