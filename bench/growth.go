package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gosmack/xmpp/bench/stat"
)

// A curve is cost against work.
type curve struct {
	title, label string // label tells it from others of the same title
	work         string // what is counted
	x, y         []float64
}

func (c *curve) add(x, y float64) { c.x, c.y = append(c.x, x), append(c.y, y) }

func (c *curve) name() string {
	if c.label == "" {
		return c.title
	}
	return c.title + ", " + c.label
}

// slope is that of the whole curve, lastSlope that of its last decade, where what is the same for
// any amount of work counts least.
func (c *curve) slope() float64 { return stat.Slope(c.x, c.y) }

func (c *curve) lastSlope() float64 {
	i := len(c.x) - 1
	for i > 0 && c.x[i-1] > c.x[len(c.x)-1]/10.5 {
		i--
	}
	return stat.Slope(c.x[i:], c.y[i:])
}

// A family is what is measured for one curve: the CPU seconds for an amount of work.
type family struct {
	curve
	amounts []int
	measure func(context.Context, *lab, *contender, int) (float64, error)
}

func families() []*family {
	var all []*family
	for _, chunk := range []int{1, 1460, 64 << 10} {
		all = append(all, &family{
			curve:   curve{title: "a stanza's size", label: "at most " + whole(float64(chunk)) + " B in a read", work: "bytes"},
			amounts: []int{100, 1000, 10_000, 100_000, 1_000_000},
			measure: func(ctx context.Context, l *lab, c *contender, size int) (float64, error) {
				total := 16 << 20
				if chunk == 1 {
					total = 4 << 20
				}
				n := max(4, total/max(size, 1000))
				r, err := l.run(ctx, c, "size", n, "-size", strconv.Itoa(size), "-chunk", strconv.Itoa(chunk))
				if err == nil && r.Total() != n {
					err = fmt.Errorf("%d of %d stanzas were heard", r.Total(), n)
				}
				if err != nil {
					return 0, err
				}
				return r.CPU / float64(n), nil
			},
		})
	}
	return append(all,
		&family{
			curve:   curve{title: "contacts in the roster, a login", work: "contacts"},
			amounts: []int{10, 100, 1000, 10_000, 100_000},
			measure: func(ctx context.Context, l *lab, c *contender, n int) (float64, error) {
				r, err := l.run(ctx, c, "roster", n)
				if err != nil {
					return 0, err
				}
				return r.CPU, nil
			},
		},
		&family{
			curve:   curve{title: "presences of a room's occupants", work: "occupants"},
			amounts: []int{10, 100, 1000, 10_000},
			measure: func(ctx context.Context, l *lab, c *contender, n int) (float64, error) {
				r, err := l.run(ctx, c, "room", n)
				if err == nil && r.Total() != n {
					err = fmt.Errorf("%d of %d presences were heard", r.Total(), n)
				}
				if err != nil {
					return 0, err
				}
				return r.CPU, nil
			},
		},
		&family{
			curve:   curve{title: "handlers of messages, a message", work: "handlers"},
			amounts: []int{1, 10, 100},
			measure: func(ctx context.Context, l *lab, c *contender, handlers int) (float64, error) {
				n := l.scaled(50_000)
				r, err := l.receiveMix(ctx, c, "chat", n, "-handlers", strconv.Itoa(handlers))
				if err != nil {
					return 0, err
				}
				return r.CPU / float64(n), nil
			},
		},
		&family{
			curve:   curve{title: "connections, all logins", work: "connections"},
			amounts: []int{1, 10, 100, 1000, 10_000},
			measure: func(ctx context.Context, l *lab, c *contender, n int) (float64, error) {
				r, err := l.run(ctx, c, "idle", n)
				if err != nil {
					return 0, err
				}
				return r.CPU, nil
			},
		},
	)
}

// growth is how cost follows work: a slope of 1 is in proportion, more is a library that gets
// slower the more there is to do.
func growth(ctx context.Context, l *lab) (*section, error) {
	ours := l.find("ours")
	if ours == nil {
		return nil, nil
	}
	s := &section{name: "growth"}
	s.row("work", "amounts", "CPU for the least", "CPU for the most", "slope", "slope of the last decade")
	worst, where := 0.0, ""
	for _, f := range families() {
		samples := make([]stat.Sample, len(f.amounts))
		for range l.rounds {
			for i, n := range f.amounts {
				cost, err := f.measure(ctx, l, ours, n)
				if err != nil {
					return nil, fmt.Errorf("%s, %d: %w", f.name(), n, err)
				}
				samples[i] = append(samples[i], cost)
			}
		}
		for i, n := range f.amounts {
			f.add(float64(n), samples[i].Median())
		}
		first, most := samples[0], samples[len(samples)-1]
		s.row(f.name(), fmt.Sprintf("%s … %s", whole(f.x[0]), whole(f.x[len(f.x)-1])), spread(first, duration), spread(most, duration), hundredths(f.slope()), hundredths(f.lastSlope()))
		if slope := f.lastSlope(); slope > worst {
			worst, where = slope, f.name()
		}
		l.printf("growth: %-50s slope %.2f, of the last decade %.2f\n", f.name(), f.slope(), f.lastSlope())
		l.plots.growth = append(l.plots.growth, f.curve)
	}
	s.note("The slope is that of a line through the logarithms of cost and work. Where the work is little, what is the same for any amount weighs in; the last decade shows where it leads.")
	s.goal(worst <= 1.1, "cost against work, steepest last decade", fmt.Sprintf("%.2f (%s)", worst, where), "≤ 1.1")
	return s, nil
}

// duration writes seconds in a unit that fits.
func duration(s float64) string {
	switch {
	case s < 1e-3:
		return fmt.Sprintf("%.2f µs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.2f ms", s*1e3)
	}
	return fmt.Sprintf("%.2f s", s)
}
