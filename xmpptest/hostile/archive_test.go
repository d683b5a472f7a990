package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	room     = "room@chat.example"
	occupant = room + "/nick"
)

// archived is a result of an archive (XEP-0313 §4.2).
func archived(attr, query, id, inside string) string {
	return "<message" + attr + "><result xmlns='urn:xmpp:mam:2' queryid='" + query + "' id='" + id + "'><forwarded xmlns='urn:xmpp:forward:0'>" +
		"<delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/>" + inside + "</forwarded></result></message>"
}

// by is the attribute of a sender.
func by(from string) string {
	if from == "" {
		return ""
	}
	return " from='" + from + "'"
}

// A pageOf is a page of an archive that is being fetched.
type pageOf struct {
	id, query string // of the request, and within it
	bodies    []string
	err       error
	done      chan struct{}
}

// fetch asks an archive, our own or a room's, for a page.
func (s *session) fetch(t *testing.T, a *mam.Archive, of string) (*pageOf, error) {
	q := mam.Query{}
	if of != "" {
		q.Archive = jid.MustParse(of)
	}
	p := &pageOf{done: make(chan struct{})}
	before := len(s.conn.Log())
	go func() {
		defer close(p.done)
		page, err := a.Page(t.Context(), q, rsm.Request{})
		p.err = err
		for _, m := range page.Items {
			p.bodies = append(p.bodies, m.Body)
		}
	}()
	synctest.Wait()
	for e := range parsed(s.conn.Log()[before:]) {
		p.id, p.query = e.Attr("id"), e.First().Attr("queryid")
	}
	if p.query == "" {
		return p, errors.New("the archive was not asked")
	}
	return p, nil
}

// finish ends the page and tells what was in it.
func (s *session) finish(p *pageOf, of string) ([]string, error) {
	s.say("<iq type='result' id='" + p.id + "'" + by(of) + "><fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'/></fin></iq>")
	select {
	case <-p.done:
		return p.bodies, p.err
	default:
		return nil, errors.New("the page has no end")
	}
}

// resultScene: results come while a page of an archive is fetched: the false one must not be on it, the good one must.
// Exactly heard is heard of the false one.
func resultScene(name, of string, forged, good func(query string) string, heard ...string) scene {
	return scene{name: name, cut: true, play: func(t *testing.T) error {
		var archive *mam.Archive
		return meet(t, nil, nil, func(s *session) { archive = mam.New(s.Connection, nil) }, func(s *session) error {
			deaf(s)
			for n, way := range cuts(name) {
				p, err := s.fetch(t, archive, of)
				if err != nil {
					return err
				}
				err = s.only(way, n, forged(p.query), heard...)
				s.send(way, good(p.query))
				got, bad := s.finish(p, of)
				if err = errors.Join(err, bad); err != nil || !slices.Equal(got, []string{"good"}) {
					return whenCut(way, errors.Join(err, fmt.Errorf("the page has %q", got)))
				}
			}
			return nil
		})
	}}
}

// resultsBy are results of an archive by everybody.
func resultsBy(of, sender string, legal ...string) []scene {
	inner := inside(sender, own, "chat", "forged")
	good := func(q string) string {
		return archived(by(legal[0]), q, "2", strings.Replace(inner, "forged", "good", 1))
	}
	var all []scene
	for _, v := range append(slices.Clone(senders), variant{"the room", room}, variant{"an occupant", occupant}) {
		if contains(legal, v.from) {
			continue
		}
		all = append(all, resultScene(fmt.Sprintf("of %q from %s", of, v.name), of, func(q string) string { return archived(v.attr(), q, "1", inner) }, good))
	}
	return all
}

// badResults come from the archive that was asked, and are none.
func badResults() []scene {
	in := inside(contactFull, own, "chat", "forged")
	good := func(q string) string { return archived("", q, "2", inside(contactFull, own, "chat", "good")) }
	beside := map[string][]string{ // these are heard as what they are: a message without a text, or an error
		"within a message":   {"message normal from " + contactFull + ` to : "" ""`},
		"as an error":        {"message error from : stanza error: undefined-condition"},
		"a copy of a result": {`message normal from  to : "" ""`},
	}
	var all []scene
	for name, forged := range map[string]func(q string) string{
		"another query": func(q string) string { return archived("", q+"x", "1", in) },
		"no query":      func(string) string { return archived("", "", "1", in) },
		"no id":         func(q string) string { return archived("", q, "", in) },
		"a presence": func(q string) string {
			return archived("", q, "1", "<presence xmlns='jabber:client' from='"+contactFull+"'/>")
		},
		"two messages": func(q string) string { return archived("", q, "1", in+in) },
		"a result in it": func(q string) string {
			return archived("", q, "1", "<message xmlns='jabber:client' from='"+contactFull+"'>"+archived("", q, "3", in)[len("<message>"):])
		},
		"two results": func(q string) string {
			r := archived("", q, "1", in)
			return strings.TrimSuffix(r, "</message>") + r[len("<message>"):]
		},
		"beside a text": func(q string) string {
			return strings.Replace(archived("", q+"x", "1", in), "<message>", "<message><body></body>", 1)
		},
		"within a message": func(q string) string {
			return "<message from='" + contactFull + "'>" + archived("", q, "1", in) + "</message>"
		},
		"as an error":        func(q string) string { return archived(" type='error'", q, "1", in) },
		"a copy of a result": func(q string) string { return copied("", "received", archived(" xmlns='jabber:client'", q, "1", in)) },
	} {
		all = append(all, resultScene(name, "", forged, good, beside[name]...))
	}
	return all
}

// late sends results when nothing is asked any more.
func late(t *testing.T) error {
	var archive *mam.Archive
	return meet(t, nil, nil, func(s *session) { archive = mam.New(s.Connection, nil) }, func(s *session) error {
		deaf(s)
		p, err := s.fetch(t, archive, "")
		if err != nil {
			return err
		}
		if got, err := s.finish(p, ""); err != nil || len(got) > 0 {
			return errors.Join(err, fmt.Errorf("an empty page has %q", got))
		}
		for n, way := range cuts("late") {
			i := ignore{send: archived("", p.query, "1", inside(contactFull, own, "chat", "late")) + archived("", "made-up", "1", inside(contactFull, own, "chat", "unasked"))}
			if err := i.once(s, way, n); err != nil {
				return whenCut(way, err)
			}
		}
		return nil
	})
}

// places are ids of our archive on live messages. synced has a position in the archive; announced tells whether the server takes forged ids away.
func places(announced bool) func(*session) {
	return func(s *session) {
		mam.New(s.Connection, &mam.Options{Sync: true})
		if announced {
			return
		}
		s.srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			without, err := stanza.Parse(strings.ReplaceAll(e.String(), "<feature var='urn:xmpp:sid:0'/>", ""))
			if err != nil {
				return nil
			}
			return []stanza.Element{without}
		})
	}
}

func placed(text, where, id string) string {
	return "<message from='" + contactFull + "' type='chat'><body>" + text + "</body><stanza-id xmlns='urn:xmpp:sid:0' by='" + where + "' id='" + id + "'/></message>"
}

// position sends something, waits until what follows of it is stored, and tells whether the position moved.
func (s *session) position(way cut, send string) bool {
	value := func() string {
		var b strings.Builder
		for key := range s.store.Keys(context.Background(), "") {
			if strings.Contains(key, "/mam/") {
				fmt.Fprintf(&b, "%s %s\n", key, kept(s.store, key))
			}
		}
		return b.String()
	}
	pass(5 * time.Second)
	before := value()
	s.send(way, send)
	pass(5 * time.Second)
	return value() != before
}

// forgedPlaces are ids by who may not give them, and two at once: they move no position. One by who may does.
func forgedPlaces() []scene {
	var all []scene
	for _, v := range append(slices.Clone(senders), variant{"a room", room}) {
		if v.name == "absent" || v.name == "own bare" {
			continue
		}
		all = append(all, moved("given by "+v.name, true, placed("hello", v.from, "evil"), true))
	}
	two := strings.Replace(placed("hello", own, "a"), "</message>", "<stanza-id xmlns='urn:xmpp:sid:0' by='"+own+"' id='b'/></message>", 1)
	return append(all,
		moved("two by the same", true, two, true),
		moved("the server doesn't take forged ones away", false, placed("hello", own, "evil"), false),
	)
}

// moved sends what must not move the position, and each time behind it what must: good, where the server has announced that it keeps forged ids out.
func moved(name string, announced bool, forged string, good bool) scene {
	return scene{name: name, play: func(t *testing.T) error {
		return meet(t, nil, nil, places(announced), func(s *session) error {
			for n, way := range cuts(name)[:quickCuts] {
				if s.position(way, forged) {
					return whenCut(way, errors.New("the position moved"))
				}
				if s.position(way, placed("hello", own, fmt.Sprint("good", n))) != good {
					return whenCut(way, fmt.Errorf("the position of the twin moved: %v", !good))
				}
			}
			return nil
		})
	}}
}

var _ = add(
	row{id: "S128", title: "Results of an archive that nobody asked", oracle: ignoreRow, also: "xep/mam.TestWhatIsBelieved xep/mam.TestUnaskedResults", scenes: slices.Concat(
		resultsBy("", contactFull, "", own), resultsBy(room, occupant, room), badResults(), []scene{{name: "late, and unasked", cut: true, play: late}},
	)},
	row{id: "S130", title: "A room's archive names senders from elsewhere", oracle: ignoreRow, also: "xep/mam.TestWhatIsBelieved", scenes: roomSenders()},
	row{id: "S133", title: "Ids that are said to be an archive's", oracle: ignoreRow, also: "xep/mam.TestForgedIDsAtTheBegin xep/stanzaid.TestTrusted", scenes: forgedPlaces()},
)

// roomSenders are results of the room that was asked, about what somebody else said.
func roomSenders() []scene {
	good := func(q string) string { return archived(by(room), q, "2", inside(occupant, own, "groupchat", "good")) }
	var all []scene
	for _, v := range append(slices.Clone(senders), variant{"another room", "other@chat.example/nick"}, variant{"almost the room", room + ".evil.example/nick"}) {
		all = append(all, resultScene("said by "+v.name, room, func(q string) string {
			return archived(by(room), q, "1", strings.Replace(inside(occupant, own, "groupchat", "forged"), " from='"+occupant+"'", v.attr(), 1))
		}, good))
	}
	return all
}
