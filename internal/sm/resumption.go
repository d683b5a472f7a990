package sm

import (
	"errors"
	"strconv"

	"github.com/gosmack/xmpp/stanza"
)

const nsStanzas = "urn:ietf:params:xml:ns:xmpp-stanzas"

// Resume is <resume/> (XEP-0198 §5).
type Resume struct {
	PrevID string // of the stream that was cut
	H      uint32 // stanzas handled of it
}

// Write writes the element.
func (r Resume) Write(w Writer) { writeResumption(w, "resume", r.PrevID, r.H) }

// ParseResume reads <resume/>.
func ParseResume(e stanza.Element) (Resume, error) {
	id, h, err := resumption(e, "resume")
	return Resume{id, h}, err
}

// Resumed is <resumed/> (XEP-0198 §5).
type Resumed struct {
	PrevID string
	H      uint32
}

// Write writes the element.
func (r Resumed) Write(w Writer) { writeResumption(w, "resumed", r.PrevID, r.H) }

// ParseResumed reads the <resumed/> that answers a <resume/> with this id. If it is about another stream the error
// is [ErrOtherStream]; whatever the error, that stream is to be ended and the session begun anew.
func ParseResumed(e stanza.Element, id string) (Resumed, error) {
	prev, h, err := resumption(e, "resumed")
	if err == nil && prev != id {
		err = ErrOtherStream
	}
	return Resumed{prev, h}, err
}

func writeResumption(w Writer, local, id string, h uint32) {
	w.Start(NS, local)
	w.Attr("previd", id)
	w.Attr("h", strconv.FormatUint(uint64(h), 10))
	w.End()
}

func resumption(e stanza.Element, local string) (id string, h uint32, err error) {
	if err := expect(e, local); err != nil {
		return "", 0, err
	}
	if id = e.Attr("previd"); id == "" {
		return "", 0, errors.New("stream management: " + local + ": there is no previd")
	}
	h, err = count(e)
	return id, h, err
}

// Failed is <failed/>, the refusal of <enable/> or <resume/> (XEP-0198 §3, §5).
type Failed struct {
	Condition stanza.Condition // "": not said
	H         uint32           // stanzas that the server had handled of the stream that can't be resumed
	Known     bool             // H was said
}

// Write writes the element.
func (f Failed) Write(w Writer) {
	w.Start(NS, "failed")
	if f.Known {
		w.Attr("h", strconv.FormatUint(uint64(f.H), 10))
	}
	if f.Condition != "" {
		w.Start(nsStanzas, string(f.Condition))
		w.End()
	}
	w.End()
}

// ParseFailed reads <failed/>. An h that is no number is as if there were none, because it
// proves nothing.
func ParseFailed(e stanza.Element) (Failed, error) {
	if err := expect(e, "failed"); err != nil {
		return Failed{}, err
	}
	var f Failed
	for c := range e.Children() {
		if c.Space() == nsStanzas && stanza.Condition(c.Local()).Type() != "" {
			f.Condition = stanza.Condition(c.Local())
			break
		}
	}
	if h, err := count(e); err == nil {
		f.H, f.Known = h, true
	}
	return f, nil
}

// Error says that and why it failed.
func (f Failed) Error() string {
	if f.Condition == "" {
		return "stream management was refused"
	}
	return "stream management was refused: " + string(f.Condition)
}

// Is tells whether target is the [stanza.Condition].
func (f Failed) Is(target error) bool {
	c, ok := target.(stanza.Condition)
	return ok && f.Condition != "" && c == f.Condition
}
