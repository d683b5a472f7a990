package sm

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gosmack/xmpp/stanza"
)

// A Writer takes elements. Those of this package stand at the top of a stream, or within
// others (XEP-0198 §9), so each brings its namespace.
type Writer interface {
	Start(space, local string)
	Attr(local, value string)
	End()
}

// Counts tells whether an element of the stream is a stanza: nothing else is counted (XEP-0198 §1),
// and these are even where they can't be used.
func Counts(e stanza.Element) bool {
	if e.Space() != stanza.NS {
		return false
	}
	switch e.Local() {
	case "message", "presence", "iq":
		return true
	}
	return false
}

// Request is <r/>.
const Request = "<r xmlns='" + NS + "'/>"

// AppendAck appends <a/>.
func AppendAck(dst []byte, h uint32) []byte {
	dst = append(dst, "<a xmlns='"+NS+"' h='"...)
	dst = strconv.AppendUint(dst, uint64(h), 10)
	return append(dst, "'/>"...)
}

// ParseAck reads <a/>.
func ParseAck(e stanza.Element) (h uint32, err error) {
	if err := expect(e, "a"); err != nil {
		return 0, err
	}
	return count(e)
}

func expect(e stanza.Element, local string) error {
	if !e.Is(NS, local) {
		return fmt.Errorf("stream management: %.64q in place of %s", e.Local(), local)
	}
	return nil
}

// count reads the attribute h.
func count(e stanza.Element) (uint32, error) {
	s := e.Attr("h")
	h, ok := decimal(s)
	if !ok || h > 1<<32-1 {
		return 0, fmt.Errorf("stream management: %s: h is %.64q, not a number below 2³²", e.Local(), s)
	}
	return uint32(h), nil
}

// decimal reads at most ten digits and nothing else.
func decimal(s string) (n uint64, ok bool) {
	for i := range len(s) {
		if i == 10 || s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + uint64(s[i]-'0')
	}
	return n, s != ""
}

// boolean reads an xs:boolean; what is none is false.
func boolean(s string) bool { return s == "true" || s == "1" }

// seconds reads the attribute max. A limit that is odd or absent is no limit: 0.
func seconds(e stanza.Element) time.Duration {
	n, ok := decimal(e.Attr("max"))
	if !ok {
		return 0
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}

const maxSeconds = 1<<31 - 1 // 68 years, as a Duration can hold

func writeMax(w Writer, d time.Duration) {
	if n := int64(d / time.Second); n > 0 {
		w.Attr("max", strconv.FormatInt(n, 10))
	}
}
