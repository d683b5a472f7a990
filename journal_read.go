package xmpp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
)

// readJournal finds the messages that the store has for a, in the order of their places, and the segments that they are in.
func readJournal(ctx context.Context, store Store, a account) (all []stream.Entry, of map[uint64]*segment, bad, err error) {
	of = make(map[uint64]*segment)
	for key, err := range store.Keys(ctx, journalPrefix(a)) {
		if err != nil {
			return nil, nil, bad, err
		}
		data, err := store.Get(ctx, key)
		if errors.Is(err, ErrStoreDamaged) {
			bad = errors.Join(bad, err)
			continue
		}
		if err != nil {
			return nil, nil, bad, err
		}
		if len(data) == 0 {
			continue
		}
		s := &segment{key: key, stored: true}
		if err := s.state.UnmarshalBinary(data); err != nil {
			bad = errors.Join(bad, fmt.Errorf("%s: %w", key, err))
			continue
		}
		for _, saved := range s.state.Queue {
			_, e, err := unmeta(saved)
			if err != nil {
				bad = errors.Join(bad, fmt.Errorf("%s: %w", key, err))
				continue
			}
			all = append(all, e)
			of[e.Place] = s
		}
		s.state = sm.State{}
	}
	slices.SortFunc(all, func(a, b stream.Entry) int { return cmp.Compare(a.Place, b.Place) })
	return all, of, bad, nil
}
