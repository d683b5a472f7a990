package xmpptest

import (
	"slices"
	"strconv"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A page has archivePage messages if the query does not say, and never more
// than archiveMost.
const (
	archivePage = 50
	archiveMost = 250
)

// archiveFilter is what a query selects, XEP-0313 §4.1.
type archiveFilter struct {
	with       jid.JID
	start, end time.Time
	after      int // index in the archive; -1: from the first
	before     int // index in the archive; past its end: to the last
	ids        map[string]bool
}

// archiveFields are the fields of the form, with their types.
var archiveFields = [][2]string{
	{"with", "jid-single"}, {"start", "text-single"}, {"end", "text-single"},
	{"before-id", "text-single"}, {"after-id", "text-single"}, {"ids", "list-multi"},
}

// writeArchiveForm is §4.1.5.
func writeArchiveForm(w *xmlstream.Writer) {
	w.Start(nsMAM, "query")
	start(w, nsForms, "x", "type", "form")
	start(w, nsForms, "field", "type", "hidden", "var", "FORM_TYPE")
	w.Start(nsForms, "value")
	w.Text(nsMAM)
	w.End()
	w.End()
	for _, f := range archiveFields {
		start(w, nsForms, "field", "type", f[1], "var", f[0])
		if f[0] == "ids" {
			start(w, "http://jabber.org/protocol/xdata-validate", "validate", "datatype", "xs:string")
			w.Start("http://jabber.org/protocol/xdata-validate", "open")
			w.End()
			w.End()
		}
		w.End()
	}
	w.End()
	w.End()
}

// readFilter reads the form of a query.
func (a *account) readFilter(query xmlstream.Element) (archiveFilter, stanza.Condition) {
	f := archiveFilter{after: -1, before: len(a.archive)}
	for field := range query.Child(nsForms, "x").Children() {
		if !field.Is(nsForms, "field") {
			continue
		}
		var values []string
		for v := range field.Children() {
			if v.Is(nsForms, "value") {
				values = append(values, v.Text())
			}
		}
		if condition := a.readField(&f, field.Attr("var"), values); condition != "" {
			return f, condition
		}
	}
	return f, ""
}

func (a *account) readField(f *archiveFilter, name string, values []string) stanza.Condition {
	if name == "ids" {
		f.ids = map[string]bool{}
		for _, id := range values {
			if a.place(id) < 0 {
				return stanza.ItemNotFound // §4.1.3
			}
			f.ids[id] = true
		}
		return ""
	}
	if len(values) != 1 {
		return stanza.BadRequest
	}
	var err error
	switch name {
	case "FORM_TYPE":
	case "with":
		f.with, err = jid.Parse(values[0])
	case "start":
		f.start, err = time.Parse(time.RFC3339Nano, values[0])
	case "end":
		f.end, err = time.Parse(time.RFC3339Nano, values[0])
	case "after-id":
		if f.after = a.place(values[0]); f.after < 0 {
			return stanza.ItemNotFound
		}
	case "before-id":
		if f.before = a.place(values[0]); f.before < 0 {
			return stanza.ItemNotFound
		}
	default:
		return stanza.FeatureNotImplemented // §4.1.5
	}
	if err != nil {
		return stanza.BadRequest
	}
	return ""
}

// matches says whether the message at an index of the archive is selected.
func (f *archiveFilter) matches(i int, m *archived, own jid.JID) bool {
	switch {
	case i <= f.after || i >= f.before:
		return false
	case f.ids != nil && !f.ids[m.id]:
		return false
	case !f.start.IsZero() && m.at.Before(f.start), !f.end.IsZero() && m.at.After(f.end):
		return false
	case f.with.IsZero():
		return true
	case f.with == own: // §4.1.1: only what the user sent to themselves
		return m.from.Bare() == own && m.to.Bare() == own
	case f.with.IsBare():
		return m.from.Bare() == f.with || m.to.Bare() == f.with
	}
	return m.from == f.with || m.to == f.with
}

// page is one page of what was found (XEP-0059), as indices in the archive.
type page struct {
	items    []int
	offset   int  // of the first among all that was found
	complete bool // there is nothing beyond it
}

// readPage cuts the page out that a query asks for.
func (a *account) readPage(query xmlstream.Element, found []int) (page, stanza.Condition) {
	set := query.Child(nsRSM, "set")
	size := archivePage
	if most := set.Child(nsRSM, "max"); !most.IsZero() {
		n, err := strconv.Atoi(most.Text())
		if err != nil || n < 0 {
			return page{}, stanza.BadRequest
		}
		size = min(n, archiveMost)
	}
	from, to := 0, len(found)
	if after := set.Child(nsRSM, "after"); !after.IsZero() {
		at := a.place(after.Text())
		if at < 0 {
			return page{}, stanza.ItemNotFound // §4.3.2
		}
		from, _ = slices.BinarySearch(found, at+1)
	}
	before := set.Child(nsRSM, "before")
	if id := before.Text(); !before.IsZero() && id != "" {
		at := a.place(id)
		if at < 0 {
			return page{}, stanza.ItemNotFound
		}
		to, _ = slices.BinarySearch(found, at)
	}
	to = max(from, to)
	whole := to-from <= size
	switch {
	case whole:
	case !before.IsZero():
		from = to - size
	default:
		to = from + size
	}
	return page{items: found[from:to], offset: from, complete: whole}, ""
}

// writeFin is the end of an answer.
func (a *account) writeFin(w *xmlstream.Writer, p page, count int) {
	w.Start(nsMAM, "fin")
	if p.complete {
		w.Attr("complete", "true")
	}
	w.Start(nsRSM, "set")
	if len(p.items) > 0 {
		start(w, nsRSM, "first", "index", strconv.Itoa(p.offset))
		w.Text(a.archive[p.items[0]].id)
		w.End()
		w.Start(nsRSM, "last")
		w.Text(a.archive[p.items[len(p.items)-1]].id)
		w.End()
	}
	w.Start(nsRSM, "count")
	w.Text(strconv.Itoa(count))
	w.End()
	w.End()
	w.End()
}
