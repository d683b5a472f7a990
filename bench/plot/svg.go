// Package plot draws the few charts of the figures as SVG: small, without scripts, readable on
// paper and on a dark page.
package plot

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	ink   = "#1f2933"
	faint = "#8a94a0"
	grid  = "#e3e7eb"
)

// Colours of the series. Ours is the first.
var colours = []string{"#1f6feb", "#e07b39", "#2a9d5c", "#8e5bd0"}

type canvas struct {
	b             strings.Builder
	width, height float64
}

func newCanvas(width, height float64, title string) *canvas {
	c := &canvas{width: width, height: height}
	fmt.Fprintf(&c.b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" font-family="Helvetica, Arial, sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&c.b, "<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&c.b, `<rect width="%g" height="%g" fill="#ffffff"/>`+"\n", width, height)
	c.text(20, 30, "start", ink, `font-size="17" font-weight="bold"`, title)
	return c
}

func (c *canvas) String() string { return c.b.String() + "</svg>\n" }

func (c *canvas) text(x, y float64, anchor, colour, more, text string) {
	fmt.Fprintf(&c.b, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" %s>%s</text>`+"\n", x, y, anchor, colour, more, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, colour string, width float64) {
	fmt.Fprintf(&c.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%g"/>`+"\n", x1, y1, x2, y2, colour, width)
}

func (c *canvas) rect(x, y, w, h float64, colour string) {
	fmt.Fprintf(&c.b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, max(w, 0), h, colour)
}

func (c *canvas) dot(x, y, r float64, colour string) {
	fmt.Fprintf(&c.b, `<circle cx="%.1f" cy="%.1f" r="%g" fill="%s"/>`+"\n", x, y, r, colour)
}

func (c *canvas) path(points [][2]float64, colour string) {
	var d strings.Builder
	for i, p := range points {
		fmt.Fprintf(&d, "%s%.1f,%.1f", map[bool]string{true: "M", false: " L"}[i == 0], p[0], p[1])
	}
	fmt.Fprintf(&c.b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", d.String(), colour)
}

// An axis maps values to positions.
type axis struct {
	min, max float64 // of the values
	from, to float64 // of the positions
	log      bool
}

// decades is a logarithmic axis of whole decades around the values.
func decades(values []float64, from, to float64) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = min(lo, v), max(hi, v)
	}
	a := axis{math.Pow(10, math.Floor(math.Log10(lo))), math.Pow(10, math.Ceil(math.Log10(hi))), from, to, true}
	if a.min == a.max {
		a.max *= 10
	}
	return a
}

// linear is an axis from 0 past the greatest value.
func linear(values []float64, from, to float64) axis {
	hi := 0.0
	for _, v := range values {
		hi = max(hi, v)
	}
	step := tick(hi)
	return axis{0, step * math.Ceil(hi*1.02/step), from, to, false}
}

// tick is a round distance that divides a range into four to ten parts.
func tick(hi float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(hi)))
	for hi/step < 4 {
		step /= 2
	}
	return step
}

func (a axis) at(v float64) float64 {
	share := (v - a.min) / (a.max - a.min)
	if a.log {
		share = math.Log(v/a.min) / math.Log(a.max/a.min)
	}
	return a.from + share*(a.to-a.from)
}

// ticks are where lines of the grid go.
func (a axis) ticks() []float64 {
	var all []float64
	if a.log {
		for v := a.min; v < a.max*1.5; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := tick(a.max)
	for v := 0.0; v < a.max+step/2; v += step {
		all = append(all, v)
	}
	return all
}

// short writes a number for an axis.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}

// Seconds writes a time for an axis.
func Seconds(v float64) string {
	switch {
	case v < 0.9e-6:
		return fmt.Sprintf("%.3g ns", v*1e9)
	case v < 0.9e-3:
		return fmt.Sprintf("%.3g µs", v*1e6)
	case v < 0.9:
		return fmt.Sprintf("%.3g ms", v*1e3)
	}
	return fmt.Sprintf("%.3g s", v)
}
