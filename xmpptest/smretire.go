package xmpptest

import (
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// retire ends a managed session that has left its connection: what the client
// has not acknowledged is treated as if its resource had not been there (XEP-0198
// §4). The caller holds s.mu.
func (s *Server) retire(m *managed, a *account) {
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	if m.id != "" {
		delete(s.resumable, m.id)
		s.former[m.id] = former{account: a, received: m.received}
	}
	for _, e := range m.end() {
		s.reroute(a, e)
	}
}

// end returns what has to go elsewhere. The rest of what waits may still be
// written if the connection lives to end its stream.
func (m *managed) end() []*entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var elsewhere []*entry
	for _, e := range append(m.unacked, m.waiting...) {
		if x, ok := reparse(e.data); ok && reroutable(x) {
			e.gone = true
			elsewhere = append(elsewhere, e)
		}
	}
	m.unacked, m.waiting = nil, nil
	return elsewhere
}

// reroutable says whether a stanza is somebody's who would miss it: a message
// that offline storage takes, or a request that wants an answer.
func reroutable(e xmlstream.Element) bool {
	switch e.Local() {
	case "message":
		kind := e.Attr("type")
		return kind != "error" && kind != "headline" && kind != "groupchat" && !onlyChatState(e) &&
			e.Child(nsMAM, "result").IsZero() && !isCarbon(e)
	case "iq":
		return (e.Attr("type") == "get" || e.Attr("type") == "set") && e.Attr("from") != ""
	}
	return false
}

// reroute sends a message to the account's other resources or into its offline
// storage, with the time at which it came (XEP-0203), and answers a request.
func (s *Server) reroute(a *account, lost *entry) {
	e, ok := reparse(lost.data)
	if !ok {
		return
	}
	if e.Local() == "iq" {
		from, err := jid.Parse(e.Attr("from"))
		if sender := s.account(from); err == nil && sender != nil && sender.sessions[from.Resource()] != nil {
			sender.sessions[from.Resource()].deliver(errorFor(e, e.Attr("to"), e.Attr("from"), stanza.ServiceUnavailable))
		}
		return
	}
	data := readdress(e, e.Attr("from"), e.Attr("to"), func(w *xmlstream.Writer) {
		if e.Child(nsDelay, "delay").IsZero() {
			writeDelay(w, s.domain, lost.at)
		}
	})
	targets := a.best()
	for _, target := range targets {
		target.deliver(data)
	}
	if len(targets) == 0 && len(a.offline) < offlineLimit {
		a.offline = append(a.offline, data)
	}
}

func writeDelay(w *xmlstream.Writer, from string, at time.Time) {
	start(w, nsDelay, "delay", "from", from, "stamp", stamp(at))
	w.End()
}

// stamp is a DateTime of XEP-0082.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// reparse reads a stanza that the server wrote, whose default namespace is that
// of the stream.
func reparse(data []byte) (xmlstream.Element, bool) {
	stream, err := xmlstream.Parse("<s xmlns='"+nsClient+"'>"+string(data)+"</s>", xmlstream.Limits{StanzaBytes: len(data) + 64})
	if err != nil {
		return xmlstream.Element{}, false
	}
	return stream.First(), !stream.First().IsZero()
}
