package peer

import "github.com/gosmack/xmpp/bench/corpus"

// A Tally counts the stanzas of a corpus as a client's handlers see them, on one goroutine.
type Tally struct {
	Result Result
	Done   chan struct{} // closed behind the last stanza
	meter  Meter
	begun  bool
}

// NewTally is to be called before the message that makes the server begin.
func NewTally() *Tally {
	t := &Tally{Done: make(chan struct{})}
	t.meter.Begin()
	return t
}

// Hear counts a stanza, by the lengths of its sender's address and its text.
func (t *Tally) Hear(k corpus.Kind, from, text int) {
	if !t.begun {
		t.begun = true
		t.meter.First()
	}
	t.Result.Stanzas[k]++
	t.Result.From += from
	t.Result.Text += text
}

// End is for the message behind the last.
func (t *Tally) End() {
	t.meter.End(&t.Result)
	close(t.Done)
}
