package hostile_test

import (
	"context"
	"testing"

	"github.com/gosmack/xmpp/xmpptest"
)

// reject is a call that must fail before a byte is written.
type reject struct {
	name    string
	call    func(ctx context.Context, s *session) error
	err     func(error) error
	twin    func(ctx context.Context, s *session) error // the like of it, which must succeed and be written
	options *xmpptest.Options
	with    with
	prepare func(*session)
}

func (r reject) scene() scene { return scene{name: r.name, play: r.play} }

// rejects makes scenes of them.
func rejects(list ...reject) []scene {
	var all []scene
	for _, r := range list {
		all = append(all, r.scene())
	}
	return all
}

func (r reject) play(t *testing.T) error {
	return meet(t, r.options, r.with, r.prepare, func(s *session) error {
		var f faults
		before := s.mark()
		err := r.call(t.Context(), s)
		got, bad := s.since(before)
		if bad != nil {
			f = append(f, bad)
		}
		if err == nil {
			f.addf("the call returned no error")
		} else if r.err != nil {
			f = append(f, r.err(err))
		}
		if got.raw != "" {
			f.addf("it wrote %q", short(got.raw))
		}
		if got.state != "" {
			f.addf("it changed the state to %q", got.state)
		}
		before = s.mark()
		if err := r.twin(t.Context(), s); err != nil {
			f.addf("the twin failed: %w", err)
		}
		got, bad = s.since(before)
		if bad != nil || len(got.wrote) == 0 {
			f.addf("the twin wrote %v: %v", got, bad)
		}
		return f.err()
	})
}
