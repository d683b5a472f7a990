package xmlstream

import "sync"

// kept is the size of scratch that is worth keeping.
const kept = 1024

// scanners are the scratch memory of elements being read. A Reader holds one
// only while an element is on its way.
var scanners = sync.Pool{New: func() any {
	return &scanner{
		frames: make([]frame, 0, 16),
		binds:  make([]binding, 0, 16),
	}
}}

// release gives s back without what it refers to.
func (s *scanner) release() {
	s.leaveLot()
	frames, binds, order := s.frames[:0], s.binds[:0], s.order[:0]
	if cap(frames) > kept || cap(binds) > kept || cap(order) > kept {
		return
	}
	*s = scanner{frames: frames, binds: binds, order: order}
	scanners.Put(s)
}
