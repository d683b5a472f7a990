package stat

import (
	"math"
	"testing"
)

func TestSample(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"median of an odd number", Sample{5, 1, 3}.Median(), 3},
		{"median of an even number", Sample{4, 1, 3, 2}.Median(), 2.5},
		{"min", Sample{4, 1, 3}.Min(), 1},
		{"max", Sample{1, 4, 3}.Max(), 4},
		{"quantile", Sample{0, 10, 20, 30, 40}.Quantile(0.9), 36},
		{"of one value", Sample{7}.Quantile(0.99), 7},
		{"ratio", Sample{6, 8}.Over(Sample{3, 2}).Max(), 4},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if !math.IsNaN(Sample{}.Median()) {
		t.Error("an empty sample has a median")
	}
}

func TestSlope(t *testing.T) {
	x := []float64{1, 10, 100, 1000}
	for want, f := range map[float64]func(float64) float64{
		1: func(x float64) float64 { return 3 * x },
		2: func(x float64) float64 { return x * x / 7 },
		0: func(float64) float64 { return 12 },
	} {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = f(x[i])
		}
		if got := Slope(x, y); math.Abs(got-want) > 1e-9 {
			t.Errorf("slope %v, want %v", got, want)
		}
	}
}
