package stanza

import "slices"

// mark boxes a note, so that it is found by the type it was left under and by
// no interface it happens to satisfy.
type mark[T any] struct{ v T }

// Mark leaves a local note on the stanza: one value of each type, a later one
// replaces an earlier. Marks are never written and never read from the wire, so
// a peer can't make one. Mark changes the stanza: use it on a copy that is
// yours.
func Mark[T any](s Stanza, v T) {
	x := s.extra().change()
	for i, m := range x.marks {
		if _, ok := m.(mark[T]); ok {
			x.marks = slices.Clone(x.marks) // a clone of the stanza may share the old one
			x.marks[i] = mark[T]{v}
			return
		}
	}
	x.marks = append(x.marks, mark[T]{v})
}

// Marked returns the note of type T, and whether there is one.
func Marked[T any](s Stanza) (T, bool) {
	if s != nil && s.extra() != nil {
		for _, m := range s.extra().changes().marks {
			if m, ok := m.(mark[T]); ok {
				return m.v, true
			}
		}
	}
	var none T
	return none, false
}
