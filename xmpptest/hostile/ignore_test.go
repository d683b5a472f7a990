package hostile_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// ignore is a scene that must have no effect on a client that is online.
type ignore struct {
	name     string
	send     string                // what the server sends
	make     func(*session) string // or this makes it, each time
	hears    string                // what the outer message says, which is heard: everything within it must not be
	hearsToo string                // and this
	// makeUnique puts the number of the run in place of each %d.
	makeUnique bool
	hearsAny   string             // what is heard may contain this
	answers    []stanza.Condition // the errors that requests in it are answered with, in order
	// twin is the like of it that must be taken, in each of the quick ways of cutting, and shows is what must be in what is heard, written or
	// kept of it. %d is the number of the run in both, where a second like the first would change nothing.
	twin, shows string
	showsToo    []string
	prepare     func(*session) // attaches extensions
	online      func(*session) error
	options     *xmpptest.Options
	with        with
	// after looks, when all is over, for what neither listeners nor state show.
	after func(*session) error
}

func (i ignore) scene() scene { return scene{name: i.name, play: i.play, cut: true} }

// ignores makes scenes of them.
func ignores(list ...ignore) []scene {
	var all []scene
	for _, i := range list {
		all = append(all, i.scene())
	}
	return all
}

func (i ignore) play(t *testing.T) error {
	var archive *mam.Archive
	prepare := i.prepare
	if prepare == nil {
		prepare = func(s *session) { archive = mam.New(s.Connection, nil) }
	}
	return meet(t, i.options, i.with, prepare, func(s *session) error {
		if i.online != nil {
			if err := i.online(s); err != nil {
				return err
			}
		}
		waiting, err := s.wait(t, archive)
		if err != nil {
			return err
		}
		for n, way := range cuts(i.name) {
			if err := i.once(s, way, n); err != nil {
				return whenCut(way, err)
			}
		}
		for _, err := range s.fails.list() {
			if bad := brief(err); bad != nil {
				return fmt.Errorf("what OnError was told: %w", bad)
			}
		}
		if i.after != nil {
			if err := i.after(s); err != nil {
				return err
			}
		}
		if err := waiting.end(s); err != nil {
			return err
		}
		for n, way := range cuts(i.name)[:quickCuts] {
			if err := i.accepts(s, way, n); err != nil {
				return whenCut(way, err)
			}
		}
		return nil
	})
}

// once sends the attack and looks what came of it.
func (i ignore) once(s *session, way cut, n int) error {
	attack := i.send
	if i.make != nil {
		attack = i.make(s)
	}
	if i.makeUnique {
		attack = numbered(attack, n)
	}
	before := s.mark()
	s.send(way, attack)
	got, err := s.since(before)
	if err != nil {
		return err
	}
	return i.judge(s, got, attack, fmt.Sprintf("marker %d", n))
}

// numbered puts the number of a run in place of each %d.
func numbered(text string, n int) string { return strings.ReplaceAll(text, "%d", strconv.Itoa(n)) }

// idOf finds the first id of an attack: the true bearer of one must not be taken for its double.
var idOf = regexp.MustCompile(` id=['"]([A-Za-z0-9]*)['"]`)

// judge is the oracle: what of IGNORE does not hold.
func (i ignore) judge(s *session, got change, attack, marker string) error {
	var f faults
	heard := got.heard
	switch quoted := fmt.Sprintf("%q", i.hears); {
	case i.hears != "" && len(heard) == 2 && strings.Contains(heard[0], quoted[1:len(quoted)-1]) && strings.Contains(heard[1], quoted[1:len(quoted)-1]):
		heard = nil // the message and its chat
	case i.hears != "":
		f.addf("the message around it was heard as %q", heard)
	case i.hearsAny != "":
		heard = slices.DeleteFunc(heard, func(h string) bool {
			return strings.Contains(h, i.hearsAny) || i.hearsToo != "" && strings.Contains(h, i.hearsToo)
		})
	}
	if len(heard) > 0 {
		f.addf("it was heard: %q", heard)
	}
	if got.state != "" {
		f.addf("it changed the state to %q", got.state)
	}
	f = append(f, i.replies(got.wrote))
	before := s.mark()
	id := ""
	if m := idOf.FindStringSubmatch(attack); m != nil {
		id = " id='" + m[1] + "'"
	}
	s.say("<message from='" + contactFull + "' type='chat'" + id + "><body>" + marker + "</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'/></message>")
	next, err := s.since(before)
	switch {
	case err != nil:
		f = append(f, err)
	case len(next.heard) != 2 || !strings.Contains(strings.Join(next.heard, ""), marker):
		f.addf("the next good message made %v", next)
	}
	if s.State() != xmpp.Online {
		f.addf("the connection is %v: %w", s.State(), s.Err())
	}
	return f.err()
}

// replies looks at what was written: an error for each request, once.
func (i ignore) replies(wrote []stanza.Element) error {
	if len(wrote) != len(i.answers) {
		return fmt.Errorf("it wrote %v, not %d answers", wrote, len(i.answers))
	}
	for n, want := range i.answers {
		e := wrote[n]
		if !e.Is(stanza.NS, "iq") || e.Attr("type") != "error" || stanza.ErrorFrom(e.Child(stanza.NS, "error")).Condition != want {
			return fmt.Errorf("it answered %v, not %v", e, want)
		}
	}
	return nil
}

// accepts sends the twin.
func (i ignore) accepts(s *session, way cut, n int) error {
	if i.twin == "" || i.shows == "" {
		return fmt.Errorf("the scene has no twin")
	}
	twin := numbered(i.twin, n)
	before := s.mark()
	s.send(way, twin)
	got, err := s.since(before)
	if err != nil {
		return err
	}
	for _, shows := range append(i.showsToo, i.shows) {
		if shows = numbered(shows, n); !strings.Contains(got.String(), shows) {
			return fmt.Errorf("the twin %s shows no %q: %v", short(twin), shows, got)
		}
	}
	return nil
}

// A variant is one kind of sender.
type variant struct{ name, from string }

// senders are the nine kinds that every row about a sender is run with.
var senders = []variant{
	{"absent", ""},
	{"own bare", own},
	{"own full", ownFull},
	{"own other", ownOther},
	{"own domain", domain},
	{"contact bare", contact},
	{"contact full", contactFull},
	{"stranger", stranger},
	{"stranger in other letters", "MALLORY@EVIL.Example./x"}, // prepared it is another string than was sent
}

// from is the attribute of a sender.
func (v variant) attr() string {
	if v.from == "" {
		return ""
	}
	return " from='" + v.from + "'"
}

// spoof makes scenes of one attack from each sender who may not: %s in send is where the attribute stands. Who may is named
// in legal, and must be believed: shows is what that shows.
func spoof(i ignore, legal ...string) []scene {
	var all []scene
	twins := 0
	for _, v := range senders {
		for _, good := range legal {
			if good == v.name {
				twins++
			}
		}
	}
	if twins != len(legal) || twins == 0 {
		panic("hostile: " + i.name + ": not all of those who may are senders")
	}
	n := 0
	for _, v := range senders {
		if contains(legal, v.name) {
			continue
		}
		s := i
		s.name = strings.TrimSpace(i.name + " from " + v.name)
		s.send = strings.ReplaceAll(i.send, "%s", v.attr())
		good := legal[n%len(legal)]
		n++
		for _, w := range senders {
			if w.name == good {
				s.twin = strings.ReplaceAll(i.twin, "%s", w.attr())
			}
		}
		all = append(all, s.scene())
	}
	return all
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}
