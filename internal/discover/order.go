package discover

import (
	"cmp"
	"slices"
)

// record is what matters of one SRV record.
type record struct {
	endpoint         Endpoint
	priority, weight uint16
}

// order picks the first limit endpoints as RFC 2782 ("Usage rules") says: by priority, and within one priority at
// random in proportion to the weights. The records of both services are one set (XEP-0368 §3). An endpoint that is
// there twice counts once. random(n) gives a number in [0, n).
func order(records []record, limit int, random func(n uint64) uint64) []Endpoint {
	// Weight zero goes first within a priority: the algorithm depends on it.
	slices.SortStableFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1)))
	})
	var chosen []Endpoint
	for len(records) > 0 && len(chosen) < limit {
		same := 1
		for same < len(records) && records[same].priority == records[0].priority {
			same++
		}
		i := draw(records[:same], random)
		if !slices.Contains(chosen, records[i].endpoint) {
			chosen = append(chosen, records[i].endpoint)
		}
		records = slices.Delete(records, i, i+1)
	}
	return chosen
}

// draw chooses one of the records, which have one priority and those without weight first.
func draw(records []record, random func(n uint64) uint64) int {
	var total uint64
	for _, r := range records {
		total += uint64(r.weight)
	}
	mark := random(total + 1) // both ends count
	var sum uint64
	for i, r := range records {
		if sum += uint64(r.weight); sum >= mark {
			return i
		}
	}
	return len(records) - 1
}
