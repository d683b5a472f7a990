package plot

import "fmt"

// A Curve is cost against work.
type Curve struct {
	Label string
	X, Y  []float64
}

// A Panel is a small chart with both axes logarithmic. A thin line shows what is in proportion.
type Panel struct {
	Title, Work string
	Curves      []Curve
}

// Panels draws charts beside each other, two in a row.
func Panels(title string, panels []Panel) string {
	const width, height = 450.0, 300.0
	rows := (len(panels) + 1) / 2
	c := newCanvas(2*width, 60+float64(rows)*height, title)
	c.text(20, 50, "start", faint, "", "CPU time against work, both logarithmic; dashed: in proportion")
	for i, p := range panels {
		p.draw(c, float64(i%2)*width, 60+float64(i/2)*height, width, height)
	}
	return c.String()
}

func (p Panel) draw(c *canvas, left, top, width, height float64) {
	var xs, ys []float64
	for _, curve := range p.Curves {
		xs, ys = append(xs, curve.X...), append(ys, curve.Y...)
	}
	x := decades(xs, left+75, left+width-25)
	y := decades(ys, top+height-50, top+45)
	c.text(left+75, top+28, "start", ink, `font-weight="bold"`, p.Title)
	for _, t := range x.ticks() {
		c.line(x.at(t), y.from, x.at(t), y.to, grid, 1)
		c.text(x.at(t), y.from+18, "middle", faint, `font-size="11"`, short(t))
	}
	for _, t := range y.ticks() {
		c.line(x.from, y.at(t), x.to, y.at(t), grid, 1)
		c.text(x.from-8, y.at(t)+4, "end", faint, `font-size="11"`, Seconds(t))
	}
	c.text(x.to, y.from+36, "end", faint, `font-size="11"`, p.Work)
	for i, curve := range p.Curves {
		p.proportional(c, x, y, curve)
		points := make([][2]float64, len(curve.X))
		for j := range curve.X {
			points[j] = [2]float64{x.at(curve.X[j]), y.at(curve.Y[j])}
			c.dot(points[j][0], points[j][1], 3.5, colours[i])
		}
		c.path(points, colours[i])
		if curve.Label != "" {
			c.text(x.from+10, y.to+16+16*float64(i), "start", colours[i], `font-size="12"`, curve.Label)
		}
	}
}

// proportional draws, through a curve's last point, what would grow just as the work does.
func (p Panel) proportional(c *canvas, x, y axis, curve Curve) {
	last := len(curve.X) - 1
	perUnit := curve.Y[last] / curve.X[last]
	from := max(x.min, y.min/perUnit)
	fmt.Fprintf(&c.b, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="4 4"/>`+"\n",
		x.at(from), y.at(from*perUnit), x.at(curve.X[last]), y.at(curve.Y[last]), faint)
}
