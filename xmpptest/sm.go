package xmpptest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

const nsSM = "urn:xmpp:sm:3"

// managed is a session under stream management (XEP-0198). It outlives the
// connections that carry it, one after the other.
type managed struct {
	// The server's lock guards these.
	id       string        // by which it can be resumed; empty: it can't
	patience time.Duration // for how long it waits to be resumed
	holder   *Conn         // has the session, and may be cut already
	timer    *time.Timer   // ends a session that waits; nil while connected
	received uint32        // stanzas handled

	mu       sync.Mutex // taken after the server's lock, before those of a connection
	writer   *Conn      // whose goroutine may write; nil while it waits
	sent     uint32     // stanzas written
	acked    uint32     // of those the client acknowledged
	unacked  []*entry   // written after that, oldest first
	waiting  []*entry   // not written yet, in the order in which they came
	unasked  int        // written since the last <r/>
	most     int        // how many entries there ever were at once
	overflow bool       // there were more than StreamManagement.UnackedLimit
}

// entry is a stanza for a managed session.
type entry struct {
	session *managed
	data    []byte
	at      time.Time
	gone    bool // it went elsewhere, when the session ended; session.mu
}

// add takes a stanza into the session; it is not written yet.
func (m *managed) add(data []byte, limit int) *entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &entry{session: m, data: data, at: time.Now()}
	m.waiting = append(m.waiting, e)
	m.count(limit)
	return e
}

func (m *managed) count(limit int) {
	n := len(m.unacked) + len(m.waiting)
	m.most = max(m.most, n)
	m.overflow = m.overflow || limit > 0 && n > limit
}

// write appends what becomes of an entry, and with it a question for the
// client's count when that is due. It counts what really leaves, after
// interceptors and faults, because that is what the client counts. Of a session
// that is somewhere else by now it writes nothing.
func (m *managed) write(c *Conn, buf []byte, item outgoing, list [][]byte) []byte {
	settings := c.server.settings.Load()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := item.entry
	if m.writer != c || e.gone {
		return buf
	}
	m.drop(e)
	emit := func(data []byte) {
		buf = append(buf, data...)
		m.sent++
		m.unasked++
		m.unacked = append(m.unacked, &entry{session: m, data: data, at: e.at})
		m.count(settings.UnackedLimit)
		if settings.AskEvery > 0 && m.unasked >= settings.AskEvery {
			m.unasked = 0
			buf = append(buf, "<r xmlns='"+nsSM+"'/>"...)
		}
	}
	for _, data := range list {
		if item.stanza {
			c.arrange(data, emit)
		} else {
			emit(data)
		}
	}
	return buf
}

// acknowledge takes the client's count of what it handled, which wraps around
// (§4), and returns a stream error if it is more than was sent (§6).
func (m *managed) acknowledge(h uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := h - m.acked
	if uint64(n) > uint64(len(m.unacked)) {
		application, err := stanza.Parse(fmt.Sprintf("<handled-count-too-high xmlns='%s' h='%d' send-count='%d'/>", nsSM, h, m.sent))
		if err != nil {
			return err
		}
		return &stanza.StreamError{Condition: stanza.StreamUndefinedCondition, Application: application}
	}
	m.acked = h
	clear(m.unacked[:n])
	m.unacked = m.unacked[n:]
	return nil
}

// drop takes an entry, mostly the first, from what waits. The caller holds m.mu.
func (m *managed) drop(e *entry) {
	if len(m.waiting) > 0 && m.waiting[0] == e {
		m.waiting[0] = nil
		m.waiting = m.waiting[1:]
		return
	}
	m.waiting = slices.DeleteFunc(m.waiting, func(w *entry) bool { return w == e })
}

// manage answers <enable/> for the connection's session. The caller holds the
// server's lock and sends the answer before anything else.
func (c *Conn) manage(e xmlstream.Element) string {
	s := c.server
	if s.options.NoStreamManagement {
		return smFailed("", stanza.FeatureNotImplemented)
	}
	if c.managed != nil {
		return smFailed("", stanza.UnexpectedRequest) // §3: at most once
	}
	settings := s.settings.Load()
	m := &managed{holder: c, writer: c, patience: s.options.ResumeFor}
	c.managed = m
	if resume := e.Attr("resume"); resume != "true" && resume != "1" || m.patience < 0 || settings.Resumption == ResumeNever {
		return "<enabled xmlns='" + nsSM + "'/>"
	}
	if wish, err := strconv.Atoi(e.Attr("max")); err == nil && wish > 0 {
		m.patience = min(m.patience, time.Duration(wish)*time.Second)
	}
	m.id = rand.Text()
	s.resumable[m.id] = m
	var b strings.Builder
	fmt.Fprintf(&b, "<enabled xmlns='%s' id='%s' resume='true' max='%d'", nsSM, m.id, int(m.patience.Seconds()))
	if settings.Location != "" {
		b.WriteString(" location='" + escaper.Replace(settings.Location) + "'")
	}
	b.WriteString("/>")
	return b.String()
}

// smFailed refuses something, §6; h is empty or the count of handled stanzas.
func smFailed(h string, condition stanza.Condition) string {
	if h != "" {
		h = " h='" + h + "'"
	}
	return fmt.Sprintf("<failed xmlns='%s'%s><%s xmlns='%s'/></failed>", nsSM, h, string(condition), nsStanzaErrors)
}

// told is a count of handled stanzas as the server tells it.
func (s *Server) told(received uint32) string {
	offset := uint32(int32(s.settings.Load().HandledOffset)) // wraps around, §4
	return strconv.FormatUint(uint64(received+offset), 10)
}

// smNonza acts on what a bound client says about stream management, and says
// whether it was that.
func (c *Conn) smNonza(e xmlstream.Element) (bool, error) {
	if e.Space() != nsSM || c.server.options.NoStreamManagement {
		return false, nil
	}
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.attached() {
		return true, nil
	}
	switch e.Local() {
	case "enable":
		c.push(outgoing{data: []byte(c.manage(e))})
		return true, nil
	case "resume":
		c.push(outgoing{data: []byte(smFailed("", stanza.UnexpectedRequest))})
		return true, nil
	}
	if c.managed == nil {
		return false, nil
	}
	switch e.Local() {
	case "r":
		if !s.settings.Load().Mute {
			c.push(outgoing{data: []byte("<a xmlns='" + nsSM + "' h='" + s.told(c.managed.received) + "'/>")})
		}
		return true, nil
	case "a":
		h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
		if err != nil {
			return true, streamError(stanza.StreamBadFormat, "the ack has no h")
		}
		return true, c.managed.acknowledge(uint32(h))
	}
	return false, nil
}
