package xmlstream

import (
	"io"
	"sync"
)

const (
	maxEmptyReads = 100
	maxRead       = 64 << 10 // of one Read
)

// A slab is a read buffer that is shared by turns.
type slab struct{ b []byte }

// A buffer takes larger ones as long as much comes, but those beyond top only for one element that
// doesn't fit.
var (
	slabSizes = [...]int{512, 4 << 10, 16 << 10, top, 2 * top, 4 * top, 8 * top, 16 * top, 32 * top, 64 * top, 128 * top}
	slabs     [len(slabSizes)]sync.Pool
)

const top = 64 << 10

func getSlab(i int) *slab {
	if s, ok := slabs[i].Get().(*slab); ok {
		return s
	}
	return &slab{make([]byte, slabSizes[i])}
}

func putSlab(s *slab) {
	for i, n := range slabSizes {
		if len(s.b) == n {
			slabs[i].Put(s)
		}
	}
}

// A buffer holds the bytes read and not yet used up, buf[start:end]. It is a slab, or for the biggest elements
// an array of its own. While a Read waits for an element to begin it is the smallest slab; behind a Read
// that brought nothing it is none.
type buffer struct {
	src     io.Reader
	buf     []byte
	start   int
	end     int
	filled  bool  // the last Read took all the room
	pending error // came along with the last bytes
	slab    *slab
}

func (b *buffer) bytes() []byte { return b.buf[b.start:b.end] }

// fill reads at least one byte. limit is the size of the biggest element.
func (b *buffer) fill(limit int) error {
	if err := b.pending; err != nil {
		b.pending = nil
		return err
	}
	b.room(limit)
	for range maxEmptyReads {
		to := min(len(b.buf), b.end+maxRead)
		n, err := b.src.Read(b.buf[b.end:to])
		if n < 0 || n > to-b.end {
			return errBadRead
		}
		b.end += n
		if n > 0 {
			b.filled, b.pending = b.end == to, err
			return nil
		}
		if err != nil {
			if b.start == b.end {
				b.move(nil, nil)
			}
			return err
		}
	}
	return io.ErrNoProgress
}

// room makes space behind the bytes held. It takes a bigger buffer as long as
// data keeps coming, and the smallest once there is nothing to hold.
func (b *buffer) room(limit int) {
	live := b.end - b.start
	switch {
	case live == 0 && len(b.buf) == slabSizes[0]:
		b.start, b.end = 0, 0
	case live == 0:
		b.moveToSlab(slabSizes[0])
	case b.filled && len(b.buf) < top:
		b.moveToSlab(len(b.buf) + 1)
	case b.end <= len(b.buf)*3/4:
	case live <= len(b.buf)/2:
		b.move(b.buf, b.slab)
	case b.end == len(b.buf):
		if most := max(limit, live) + maxRead; 2*len(b.buf) <= most {
			b.moveToSlab(2 * len(b.buf))
		} else {
			b.move(make([]byte, most), nil)
		}
	}
}

// shrink gives a buffer back that was made for one big element.
func (b *buffer) shrink() {
	live := b.end - b.start
	if len(b.buf) > top && live <= top/2 {
		b.moveToSlab(2 * live)
	}
}

// moveToSlab moves to the smallest slab of at least n bytes, or to an array of its own.
func (b *buffer) moveToSlab(n int) {
	for i, size := range slabSizes {
		if size >= n {
			s := getSlab(i)
			b.move(s.b, s)
			return
		}
	}
	b.move(make([]byte, n), nil)
}

// move takes to, which may be the present buffer, as the buffer.
func (b *buffer) move(to []byte, s *slab) {
	n := copy(to, b.bytes())
	if b.slab != nil && b.slab != s {
		putSlab(b.slab)
	}
	b.buf, b.slab, b.start, b.end = to, s, 0, n
}
