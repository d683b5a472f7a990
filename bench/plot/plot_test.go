package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
)

func TestAxis(t *testing.T) {
	a := decades([]float64{30, 7000}, 100, 400)
	for v, want := range map[float64]float64{10: 100, 100: 200, 1000: 300, 10_000: 400} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
	b := linear([]float64{37}, 0, 400)
	if b.max < 37 || b.at(0) != 0 || b.at(b.max) != 400 || len(b.ticks()) < 4 || len(b.ticks()) > 12 {
		t.Errorf("%+v with ticks %v", b, b.ticks())
	}
}

// TestWellFormed draws with labels that need escaping and reads the result.
func TestWellFormed(t *testing.T) {
	bars := Bars{Title: "a < b", Unit: "kB & more", Series: []string{"x", "y"}, Format: short,
		Rows: []Bar{{"<ours>", true, []Value{{5, 4, 6}, {10, 9, 30}}}, {"theirs", false, []Value{{7, 7, 7}, {}}}}}
	logarithmic := bars
	logarithmic.Log, logarithmic.Series = true, nil
	panels := Panels("growth", []Panel{{"a & b", "bytes", []Curve{{"x", []float64{1, 10, 100}, []float64{1e-6, 1e-5, 2e-4}}}}})
	for name, svg := range map[string]string{"bars": bars.SVG(), "logarithmic": logarithmic.SVG(), "panels": panels} {
		d := xml.NewDecoder(strings.NewReader(svg))
		shapes := 0
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if start, ok := token.(xml.StartElement); ok {
				shapes++
				for _, a := range start.Attr {
					if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						t.Errorf("%s: <%s %s=%q>", name, start.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
		if shapes < 15 {
			t.Errorf("%s has %d shapes", name, shapes)
		}
	}
}
