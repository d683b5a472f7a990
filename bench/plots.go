package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gosmack/xmpp/bench/plot"
	"github.com/gosmack/xmpp/bench/stat"
)

// plots are what the measurements leave to be drawn.
type plots struct {
	throughput, memory []bar
	growth             []curve
}

// A bar is a row of a chart.
type bar struct {
	title   string
	ours    bool
	samples []stat.Sample // one for each series; empty where it was not measured
}

// write draws what was measured into a folder.
func (p *plots) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	charts := map[string]string{}
	if len(p.throughput) > 0 {
		charts["throughput.svg"] = plot.Bars{Title: "Stanzas received and handed to a listener", Unit: "stanzas/s of 524 bytes on average; median, least and greatest; logarithmic",
			Rows: rows(p.throughput, 1), Log: true, Format: whole}.SVG()
	}
	if len(p.memory) > 0 {
		charts["memory.svg"] = plot.Bars{Title: "Resident memory of an idle connection", Unit: fmt.Sprintf("kB, of %d connections; median, least and greatest", besides),
			Series: []string{"plain", "TLS"}, Rows: rows(p.memory, 1000), Format: func(v float64) string { return tenths(v) + " kB" }}.SVG()
	}
	if len(p.growth) > 0 {
		charts["growth.svg"] = plot.Panels("How cost grows with work", panels(p.growth))
	}
	for name, svg := range charts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func rows(bars []bar, unit float64) []plot.Bar {
	var all []plot.Bar
	for _, b := range bars {
		row := plot.Bar{Label: b.title, Ours: b.ours}
		for _, s := range b.samples {
			v := plot.Value{}
			if len(s) > 0 {
				v = plot.Value{Median: s.Median() / unit, Min: s.Min() / unit, Max: s.Max() / unit}
			}
			row.Values = append(row.Values, v)
		}
		all = append(all, row)
	}
	return all
}

// panels puts curves of the same work into one chart.
func panels(curves []curve) []plot.Panel {
	var all []plot.Panel
	for _, c := range curves {
		drawn := plot.Curve{Label: c.label, X: c.x, Y: c.y}
		if n := len(all); n > 0 && all[n-1].Work == c.work {
			all[n-1].Curves = append(all[n-1].Curves, drawn)
			continue
		}
		all = append(all, plot.Panel{Title: c.title, Work: c.work, Curves: []plot.Curve{drawn}})
	}
	return all
}
