package sm

import (
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
)

// ErrOtherStream says that a <resumed/> is about another stream than the one asked for.
var ErrOtherStream = errors.New("stream management: the server resumed another stream than ours")

// TooHigh says that the server acknowledged more stanzas than it was sent (XEP-0198 §6).
type TooHigh struct {
	H    uint32 // what it acknowledged
	Sent uint32 // what it was sent
}

func (e *TooHigh) Error() string {
	return fmt.Sprintf("stream management: the server acknowledged %d stanzas of %d that it was sent", e.H, e.Sent)
}

// StreamError is what to end the stream with.
func (e *TooHigh) StreamError() *stanza.StreamError {
	app, err := stanza.Parse(fmt.Sprintf("<%s xmlns='%s' h='%d' send-count='%d'/>", tooHigh, NS, e.H, e.Sent))
	if err != nil {
		app = stanza.Element{} // only numbers were put in
	}
	return &stanza.StreamError{
		Condition:   stanza.StreamUndefinedCondition,
		Text:        fmt.Sprintf("You acknowledged %d stanzas, but I only sent you %d so far.", e.H, e.Sent),
		Lang:        "en",
		Application: app,
	}
}

const tooHigh = "handled-count-too-high"

// IsTooHigh tells whether the server ended the stream because we had acknowledged more than it sent.
// The two sides then disagree about the session: it must not be resumed, or the same ends
// every stream that follows.
func IsTooHigh(e *stanza.StreamError) bool {
	return e != nil && e.Application.Is(NS, tooHigh)
}

// WentBack says that the server acknowledged less than it already had. What was acknowledged
// stays so.
type WentBack struct {
	H    uint32 // what it says now
	Last uint32 // what it had acknowledged
}

func (e *WentBack) Error() string {
	return fmt.Sprintf("stream management: the server acknowledged %d stanzas after it had acknowledged %d", e.H, e.Last)
}

// StreamError is what to end the stream with. XEP-0198 has no condition of its own for it.
func (e *WentBack) StreamError() *stanza.StreamError {
	return &stanza.StreamError{
		Condition: stanza.StreamUndefinedCondition,
		Text:      fmt.Sprintf("You acknowledged %d stanzas after you had acknowledged %d.", e.H, e.Last),
		Lang:      "en",
	}
}

// Diverged says that what the server sent again after a resumption is not what it had sent. From there on its
// order counts: the stanza is a new one, and those that it should have been are handled but
// no longer counted.
type Diverged struct {
	Number uint32 // of the first stanza that differs, as h counts
	Missed int    // how many that we hold did not come again
}

func (e *Diverged) Error() string {
	return fmt.Sprintf("stream management: after the resumption stanza %d is not the one it was; %d did not come again", e.Number, e.Missed)
}
