package sm

import (
	"time"

	"github.com/gosmack/xmpp/stanza"
)

// maxID bounds the server's strings that we keep. XEP-0198 §5 wants ids within 4000 bytes.
const maxID = 16 << 10

// Enable is <enable/> (XEP-0198 §3).
type Enable struct {
	Resume bool          // ask for a stream that can be resumed
	Max    time.Duration // for how long we would like it to be; 0: not said; whole seconds
}

// Write writes the element.
func (e Enable) Write(w Writer) {
	w.Start(NS, "enable")
	if e.Resume {
		w.Attr("resume", "true")
	}
	writeMax(w, e.Max)
	w.End()
}

// ParseEnable reads <enable/>.
func ParseEnable(e stanza.Element) (Enable, error) {
	if err := expect(e, "enable"); err != nil {
		return Enable{}, err
	}
	return Enable{Resume: boolean(e.Attr("resume")), Max: seconds(e)}, nil
}

// Enabled is <enabled/> (XEP-0198 §3). An empty ID: the stream can't be resumed, there
// are only acknowledgements.
type Enabled struct {
	ID       string
	Max      time.Duration // for how long the server keeps a cut session; 0: not said
	Location string        // where it wants to be reached for it, as it was sent; "": not said
}

// Write writes the element.
func (e Enabled) Write(w Writer) {
	w.Start(NS, "enabled")
	if e.ID != "" {
		w.Attr("id", e.ID)
		w.Attr("resume", "true")
	}
	writeMax(w, e.Max)
	if e.Location != "" {
		w.Attr("location", e.Location)
	}
	w.End()
}

// ParseEnabled reads <enabled/>. An id without resume='true' is none, and neither is one of more than
// 16 KiB; what else is odd is as if it weren't there. The strings are part of the
// element's memory: clone what is kept.
func ParseEnabled(e stanza.Element) (Enabled, error) {
	if err := expect(e, "enabled"); err != nil {
		return Enabled{}, err
	}
	x := Enabled{Max: seconds(e)}
	if id := e.Attr("id"); boolean(e.Attr("resume")) && len(id) <= maxID {
		x.ID = id
	}
	if location := e.Attr("location"); len(location) <= maxID {
		x.Location = location
	}
	return x, nil
}
