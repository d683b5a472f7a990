package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
)

// S180a: answers of stream management (XEP-0198 §3, §5) that answer nothing.
var _ = add(row{id: "S180a", title: "Answers about stream management that nobody asked for", oracle: ignoreRow, scenes: append(sagas(
	saga{name: "a session, another place to resume it", parts: []part{unaskedFor("<enabled xmlns='" + nsSM + "' id='2' resume='true' max='1' location='evil.example:5222'/>"), resumesIt}, play: resumedIt},
	saga{name: "none", parts: []part{unaskedFor("<failed xmlns='" + nsSM + "' h='9'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"), resumesIt}, play: resumedIt},
	saga{name: "the session is resumed", parts: []part{unaskedFor("<resumed xmlns='" + nsSM + "' previd='" + secretID + "' h='1'/>"), resumesIt}, play: resumedIt},
	saga{name: "another one is resumed", parts: []part{unaskedFor("<resumed xmlns='" + nsSM + "' previd='2' h='9'/>"), resumesIt}, play: resumedIt},
	saga{name: "requests that only we make", parts: []part{unaskedFor("<enable xmlns='" + nsSM + "' resume='true'/><resume xmlns='" + nsSM + "' previd='" + secretID + "' h='0'/>"), resumesIt}, play: resumedIt},
	saga{name: "twin: nothing", parts: []part{unaskedFor(""), resumesIt}, play: resumedIt},
), ignores(
	ignore{name: "without stream management", send: "<enabled xmlns='" + nsSM + "' id='2' resume='true'/><failed xmlns='" + nsSM + "'/><resumed xmlns='" + nsSM + "' previd='2' h='9'/><a xmlns='" + nsSM + "' h='9'/>", twin: hello, shows: "hello"},
)...)})

// unaskedFor has a session and says this. Neither what is counted changes nor how the session goes on.
func unaskedFor(what string) part {
	return func(l *leg) error {
		err := errors.Join(l.managed(secretID), l.say(what), l.handled("1"), l.say("<message from='"+contact+"'><body>x</body></message>"), l.handled("2"))
		time.Sleep(time.Second) // virtual
		l.Cut()
		return err
	}
}

func resumesIt(l *leg) error {
	h, err := l.resuming(secretID)
	if err == nil && h != "2" {
		err = fmt.Errorf("h is %s", h)
	}
	return errors.Join(err, l.say("<resumed xmlns='"+nsSM+"' previd='"+secretID+"' h='2'/>"))
}

func resumedIt(_ context.Context, g *tale) error {
	pass(time.Minute)
	if s := g.Stats(); g.State() != xmpp.Online || s.Resumed != 1 || g.dials.dials.len() != 2 {
		return fmt.Errorf("it is %v, resumed %d times on %d connections: %w", g.State(), s.Resumed, g.dials.dials.len(), g.Err())
	}
	return nil
}
