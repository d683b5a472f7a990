package xmlstream

import "sync"

// keptNodes is the size of node scratch that is worth keeping.
const keptNodes = 1024

// scanners are the scratch memory of elements being read. A Reader holds one
// only while an element is on its way.
var scanners = sync.Pool{New: func() any {
	return &scanner{
		nodes:  make([]node, 0, 64),
		frames: make([]frame, 0, 16),
		binds:  make([]binding, 0, 16),
	}
}}

// release gives s back without what it refers to.
func (s *scanner) release() {
	nodes, frames, binds, order := s.nodes[:0], s.frames[:0], s.binds[:0], s.order[:0]
	if cap(nodes) > keptNodes || cap(frames) > keptNodes || cap(binds) > keptNodes || cap(order) > keptNodes {
		return
	}
	*s = scanner{nodes: nodes, frames: frames, binds: binds, order: order}
	scanners.Put(s)
}
