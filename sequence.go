package xmpp

import "sync"

// A sequence runs functions one after another, on a goroutine that exists only while there are some. It is what a [stream.Line] is, for those who
// need no more.
type sequence struct {
	mu      sync.Mutex
	waiting []func()
	runs    bool
}

func (s *sequence) add(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, f)
	if !s.runs {
		s.runs = true
		go s.run()
	}
}

// rests tells whether there is nothing to run.
func (s *sequence) rests() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.runs
}

func (s *sequence) run() {
	for {
		s.mu.Lock()
		all := s.waiting
		s.waiting = nil
		s.runs = len(all) > 0
		s.mu.Unlock()
		if len(all) == 0 {
			return
		}
		for _, f := range all {
			f()
		}
	}
}
