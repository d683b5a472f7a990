package sm

import "time"

const (
	ackStanzas = 100              // Prosody keeps 500 stanzas without an ack and then refuses to resume
	ackPaused  = 10 * time.Second // a paused reader shows that it lives
)

// Ack returns the h for an <a/> that is written now: the answer to <r/>, one that AckDue asked for, or the last
// one before the stream's end.
func (in *In) Ack(now time.Time) uint32 {
	in.answered, in.at = in.H(), now
	return in.answered
}

// Untold is how many handled stanzas the server has no ack for: what an <a/> is worth that leaves along
// with other data.
func (in *In) Untold() int { return int(in.H() - in.answered) }

// AckDue tells whether an <a/> is due that nobody asked for, or in how long one will be; 0: not by time. It is
// due when 100 stanzas are untold, and every 10 s while the reader is paused.
func (in *In) AckDue(now time.Time, paused bool) (due bool, wait time.Duration) {
	switch {
	case !in.Enabled():
		return false, 0
	case in.Untold() >= ackStanzas:
		return true, 0
	case !paused:
		return false, 0
	}
	wait = min(in.at.Add(ackPaused).Sub(now), ackPaused)
	return wait <= 0, max(wait, 0)
}
