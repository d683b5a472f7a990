package hostile_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// A waiting is what a program waits for while it is attacked: an answer, and a page of its archive where that is attached. No state shows them, so they have
// to come all the same, whole and with nothing else.
type waiting struct {
	id   string
	done chan error
	page *pageOf
}

// wait asks for both. The test server leaves them to this.
func (s *session) wait(t *testing.T, archive *mam.Archive) (*waiting, error) {
	s.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
		if first := e.First(); first.Is("urn:example:probe", "probe") || first.Is("urn:xmpp:mam:2", "query") {
			return nil
		}
		return []stanza.Element{e}
	})
	var w waiting
	if w.id, w.done = s.asking(t.Context(), contactFull); w.id == "" {
		return nil, errors.New("nothing was asked")
	}
	if archive == nil {
		return &w, nil
	}
	var err error
	w.page, err = s.fetch(t, archive, "")
	return &w, err
}

// end brings what is waited for.
func (w *waiting) end(s *session) error {
	select {
	case err := <-w.done:
		return fmt.Errorf("the request that waited has ended: %w", errors.Join(err, errors.New("by the attack")))
	default:
	}
	s.say("<iq type='result' id='" + w.id + "' from='" + contactFull + "'><probe xmlns='urn:example:probe'>right</probe></iq>")
	select {
	case err := <-w.done:
		if err != nil {
			return fmt.Errorf("the request that waited: %w", err)
		}
	default:
		return errors.New("the answer to the request that waited has not ended it")
	}
	if w.page == nil {
		return nil
	}
	s.say(archived("", w.page.query, "2", inside(contactFull, own, "chat", "good")))
	if got, err := s.finish(w.page, ""); err != nil || !slices.Equal(got, []string{"good"}) {
		return fmt.Errorf("the page that waited has %q: %w", got, err)
	}
	return nil
}
