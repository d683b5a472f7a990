// Package stat is the little statistics that the figures need.
package stat

import (
	"math"
	"slices"
)

// A Sample is what several rounds measured, in any order.
type Sample []float64

// Median is the value in the middle; of an even number the mean of the two.
func (s Sample) Median() float64 { return s.Quantile(0.5) }

// Quantile is the value below which the share q of the sample lies, interpolated between
// neighbours. Of an empty sample it is NaN.
func (s Sample) Quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Min is the least value.
func (s Sample) Min() float64 { return s.Quantile(0) }

// Max is the greatest.
func (s Sample) Max() float64 { return s.Quantile(1) }

// Over divides two samples round by round: what the machine did to a round it did to both.
func (s Sample) Over(other Sample) Sample {
	ratios := make(Sample, min(len(s), len(other)))
	for i := range ratios {
		ratios[i] = s[i] / other[i]
	}
	return ratios
}

// Slope fits log y = a + b log x by least squares and returns b: 1 where cost is proportional to
// work, 2 where it is its square, 0 where work costs nothing.
func Slope(x, y []float64) float64 {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		lx, ly := math.Log(x[i]), math.Log(y[i])
		sx, sy, sxx, sxy = sx+lx, sy+ly, sxx+lx*lx, sxy+lx*ly
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}
