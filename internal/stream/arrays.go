package stream

import "sync"

// arrays are slices that queues, batches and acknowledgements take turns with, so that a
// burst makes none and an idle connection keeps none.
type arrays[T any] struct {
	most        int // larger ones are not kept
	full, boxes sync.Pool
}

var (
	entryArrays = arrays[Entry]{most: 2048}
	jobArrays   = arrays[Job]{most: 8192}
	byteArrays  = arrays[byte]{most: 4 * batchBytes}
)

// minArray is the room in a new one.
const minArray = 64

// get returns an empty slice with room.
func (a *arrays[T]) get() []T {
	box, ok := a.full.Get().(*[]T)
	if !ok {
		return make([]T, 0, minArray)
	}
	s := *box
	*box = nil
	a.boxes.Put(box)
	return s
}

// put takes a slice back, of which nothing is left.
func (a *arrays[T]) put(s []T) {
	if cap(s) < minArray || cap(s) > a.most {
		return
	}
	clear(s)
	box, ok := a.boxes.Get().(*[]T)
	if !ok {
		box = new([]T)
	}
	*box = s[:0]
	a.full.Put(box)
}
