package faultproxy

import (
	"math/rand/v2"
	"time"
)

// An End is how a connection ends, as its two ends see it.
type End int

const (
	// FIN ends it in order: what was passed on arrives, then the end of the stream.
	FIN End = iota
	// RST resets it: what was passed on may be lost, too.
	RST
	// Silence passes nothing on any more, in no direction, and leaves both ends open until they give up, as a network does that
	// went away.
	Silence
)

// Faults are what goes wrong on one connection. The zero value is a good one. Up is from the client to the target; each byte that
// was passed on counts.
type Faults struct {
	CutUp, CutDown     int64         // cut it once so many bytes went that way, not one more; 0: never
	End                End           // how it is cut
	StallAfter         int64         // pass nothing on for the time of Stall once so many bytes went, both ways together
	Stall              time.Duration // 0: no stall
	DelayUp, DelayDown time.Duration // how much later each byte arrives; the bandwidth stays
}

// A Plan makes the faults of a connection. The random numbers depend on the seed and on how many connections came before, on
// nothing else. It is called from a goroutine of the connection's own.
type Plan func(*rand.Rand) Faults

// Cuts is a plan that cuts each connection after a random number of bytes, mean on average, in a random direction and by a
// random one of ends; of all three where none is named. mean must be positive.
func Cuts(mean int64, ends ...End) Plan {
	if len(ends) == 0 {
		ends = []End{FIN, RST, Silence}
	}
	return func(r *rand.Rand) Faults {
		f, after := Faults{End: ends[r.IntN(len(ends))]}, 1+r.Int64N(2*mean)
		if r.IntN(2) == 0 {
			f.CutUp = after
		} else {
			f.CutDown = after
		}
		return f
	}
}

// Stats count since the start, but for Open.
type Stats struct {
	Accepted int64 // connections
	Refused  int64 // likewise; not among Accepted
	Cut      int64 // of those accepted, by faults or Proxy.Cut
	Open     int64 // now
	Up, Down int64 // bytes passed on
}
