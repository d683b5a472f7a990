package plot

// A Value is a median and what lies around it.
type Value struct{ Median, Min, Max float64 }

// A Bar is one row of a chart: a value for each series; those that are missing are zero.
type Bar struct {
	Label  string
	Ours   bool // drawn in colour where there is one series
	Values []Value
}

// Bars is a chart of horizontal bars. With Log each value is a dot on a line, because the length of
// a bar says nothing on such an axis.
type Bars struct {
	Title, Unit string
	Series      []string // names; none if there is one series
	Rows        []Bar
	Log         bool
	Format      func(float64) string
}

// SVG draws the chart.
func (p Bars) SVG() string {
	const left, right, top, row = 280.0, 110.0, 75.0, 20.0
	series := max(1, len(p.Series))
	gap := 14.0
	height := top + float64(len(p.Rows))*(row*float64(series)+gap) + 40
	c := newCanvas(900, height, p.Title)
	c.text(20, 52, "start", faint, "", p.Unit)
	var values []float64
	for _, b := range p.Rows {
		for _, v := range b.Values {
			if v.Median > 0 {
				values = append(values, v.Min, v.Max)
			}
		}
	}
	a := linear(values, left, c.width-right)
	if p.Log {
		a = decades(values, left, c.width-right)
	}
	for _, t := range a.ticks() {
		c.line(a.at(t), top-6, a.at(t), height-34, grid, 1)
		c.text(a.at(t), height-16, "middle", faint, "", short(t))
	}
	p.legend(c)
	y := top
	for _, b := range p.Rows {
		c.text(left-12, y+row*float64(series)/2+4, "end", ink, "", b.Label)
		for i, v := range b.Values {
			if v.Median > 0 {
				p.draw(c, a, y, row, p.colour(b, i), v)
			}
			y += row
		}
		y += gap
	}
	return c.String()
}

func (p Bars) colour(b Bar, series int) string {
	if len(p.Series) == 0 && !b.Ours {
		return faint
	}
	return colours[series]
}

func (p Bars) draw(c *canvas, a axis, y, row float64, colour string, v Value) {
	middle := y + row/2
	if p.Log {
		c.line(a.from, middle, a.at(v.Median), middle, colour, 2)
		c.dot(a.at(v.Median), middle, 6, colour)
	} else {
		c.rect(a.from, y+2, a.at(v.Median)-a.from, row-4, colour)
	}
	c.line(a.at(v.Min), middle, a.at(v.Max), middle, ink, 1.5)
	for _, end := range []float64{v.Min, v.Max} {
		c.line(a.at(end), middle-4, a.at(end), middle+4, ink, 1.5)
	}
	c.text(max(a.at(v.Max), a.at(v.Median))+12, middle+4, "start", ink, "", p.Format(v.Median))
}

func (p Bars) legend(c *canvas) {
	x := c.width - 30
	for i := len(p.Series) - 1; i >= 0; i-- {
		name := p.Series[i]
		c.text(x, 30, "end", ink, "", name)
		x -= 8*float64(len(name)) + 18
		c.rect(x, 20, 12, 12, colours[i])
		x -= 20
	}
}
