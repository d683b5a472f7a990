package sm

import "time"

const (
	requestStanzas = 25          // an <r/> for each costs 13 % of the bytes, for 25 of them half a percent
	requestBytes   = 2 << 20     // or for so many bytes, so that the bound on bytes is not waited at
	requestAfter   = time.Second // or so long after the last one
)

// requests is when to ask for an acknowledgement.
type requests struct {
	asked uint64    // stanzas sent when <r/> was written last
	bytes int       // sent since then
	last  time.Time // when the last stanza was sent
}

func (r *requests) sent(size int, now time.Time) {
	r.bytes += size
	r.last = now
}

// RequestDue tells whether an <r/> is due at now, or in how long it will be if nothing more is sent;
// 0: not at all. It is due after 25 stanzas or 2 MiB, or a second after the last of fewer, and never for
// what was acknowledged or asked for already.
func (o *Out[T]) RequestDue(now time.Time) (due bool, wait time.Duration) {
	if !o.on {
		return false, 0
	}
	open := o.sent() - max(o.requests.asked, o.acked)
	if open == 0 {
		return false, 0
	}
	wait = min(o.requests.last.Add(requestAfter).Sub(now), requestAfter) // a clock may go back
	if open >= requestStanzas || o.requests.bytes >= requestBytes || wait <= 0 {
		return true, 0
	}
	return false, wait
}

// Requested notes that an <r/> is written behind all that was sent.
func (o *Out[T]) Requested() {
	o.requests.asked, o.requests.bytes = o.sent(), 0
}
