package hostile_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
)

// A cut says into which pieces the network cuts what the server sends.
type cut struct {
	name string
	rng  func() *rand.Rand // of random pieces; nil: whole, or each byte
	size int               // of a piece; 0: all
}

// randomCuts is how many random ways of cutting each scene is run with.
const randomCuts = 50

// quickCuts is how many of the ways are also run where each costs more: what leads up to an attack, and its twin.
const quickCuts = 7

// few tells whether the run is to be short.
func few() bool { return raced || testing.Short() }

// cuts are all ways in which a scene is run: whole, byte by byte, and randomly.
func cuts(scene string) []cut {
	all := []cut{{name: "whole"}, {name: "bytes", size: 1}}
	n := randomCuts
	if few() {
		n = 5
	}
	for i := range n {
		all = append(all, random(scene, i))
	}
	return all
}

// random is the way of cutting number i.
func random(scene string, i int) cut {
	h := uint64(14695981039346656037) // FNV-1a, so that each scene has its own
	for _, b := range []byte(scene) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return cut{
		name: fmt.Sprintf("random %d of seed %d", i, seed()),
		rng:  func() *rand.Rand { return rand.New(rand.NewPCG(seed(), h+uint64(i))) },
	}
}

// whole tells whether it cuts nothing.
func (c cut) whole() bool { return c.rng == nil && c.size == 0 }

// faults cut all that the server sends by itself: bytes, or pieces of one size that is random.
func (c cut) faults() xmpptest.Faults {
	f := xmpptest.Faults{Chunk: c.size, Delay: 1}
	switch {
	case c.whole():
		return xmpptest.Faults{}
	case c.rng != nil:
		f.Chunk = 2 + c.rng().IntN(60)
	}
	return f
}

// longTrigger is from where on bytes are not sent one by one from the first: the end decides.
const longTrigger = 2048

// pieces cuts data.
func (c cut) pieces(data string) []string {
	switch {
	case c.rng != nil:
		return randomPieces(data, c.rng())
	case c.size == 0 || data == "":
		return []string{data}
	}
	var all []string
	if n := len(data) - longTrigger; n > 0 {
		all, data = append(all, data[:n]), data[n:]
	}
	for i := range len(data) {
		all = append(all, data[i:i+1]) // a byte, and not a character
	}
	return all
}

// randomPieces cuts at one to eight places, so also in the middle of a character.
func randomPieces(data string, r *rand.Rand) []string {
	var all []string
	for n := 1 + r.IntN(8); n > 0 && len(data) > 1; n-- {
		at := 1 + r.IntN(len(data)-1)
		all, data = append(all, data[:at]), data[at:]
	}
	return append(all, data)
}

// recordSize is the most that TLS carries in one piece.
const recordSize = 16 << 10

// deliver sends data in its pieces. Time passes between two of them only when nobody has anything to
// do any more, so each is read before the next one comes.
func (c cut) deliver(data string, send func(string) error) error {
	for _, piece := range c.pieces(data) {
		for first := true; first || piece != ""; first = false {
			n := min(len(piece), recordSize)
			if err := send(piece[:n]); err != nil {
				return err
			}
			piece = piece[n:]
			moment()
		}
	}
	return nil
}

// moment lets everybody do what there is to do, in virtual time.
func moment() { time.Sleep(1) }

// whenCut names the way of cutting in an error.
func whenCut(c cut, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// faults joins what was wrong.
type faults []error

func (f *faults) addf(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

func (f faults) err() error { return errors.Join(f...) }
