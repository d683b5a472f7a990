package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// counted has logged romeo in with stream management, and two stanzas of his count.
func counted(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) { return trigger, (&leg{c, cut{}}).managed(secretID) }
}

// ack is <a/>.
func ack(h uint32) string { return fmt.Sprintf("<a xmlns='%s' h='%d'/>", nsSM, h) }

// S170 to S187: a server, or what looks like one, that abuses stream management (XEP-0198).
var _ = add(
	row{id: "S170", title: "An h of more than was sent", oracle: abortRow, scenes: append(aborts(
		abort{name: "one more", trap: counted(ack(3)), says: stanza.StreamUndefinedCondition, online: true, returns: streamLost},
		abort{name: "eight more", trap: counted(ack(10)), says: stanza.StreamUndefinedCondition, online: true, returns: streamLost},
		abort{name: "half of all", trap: counted(ack(1 << 31)), says: stanza.StreamUndefinedCondition, online: true, returns: streamLost},
		abort{name: "none at all", trap: counted("<a xmlns='" + nsSM + "' h='x'/>"), online: true, returns: streamLost, err: text(`h is "x", not a number`)},
		abort{name: "too large", trap: counted("<a xmlns='" + nsSM + "' h='4294967296'/>"), online: true, returns: streamLost, err: text(`h is "4294967296", not a number`)},
	), saga{name: "the words", parts: []part{words(ack(10), "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='2'/>")}, play: untilOnlineAgain}.scene())},
	row{id: "S171", title: "An h that goes back", oracle: abortRow, scenes: aborts(
		abort{name: "by one", trap: counted(ack(2) + ack(1)), says: stanza.StreamUndefinedCondition, online: true, returns: streamLost},
		abort{name: "to nothing", trap: counted(ack(1) + ack(0)), says: stanza.StreamUndefinedCondition, online: true, returns: streamLost},
	)},
	row{id: "S173", title: "Counts that wrap around at 2³²", oracle: ignoreRow, scenes: sagas(
		saga{name: "both", with: earlier(sm.State{Account: own, Domain: domain, Address: ownFull, ID: secretID, Acked: 1<<32 - 3, Handled: 1<<32 - 3}), parts: []part{wrapped}, play: wraps},
	)},
	row{id: "S175", title: "Another session is resumed than ours", oracle: abortRow, scenes: sagas(
		saga{name: "another id", parts: []part{cutOff(secretID), answersResume(secretID, "<resumed xmlns='"+nsSM+"' previd='2' h='2'/>"), freshOnly}, play: resentOnce},
		saga{name: "no id", parts: []part{cutOff(secretID), answersResume(secretID, "<resumed xmlns='"+nsSM+"' h='2'/>"), freshOnly}, play: resentOnce},
		saga{name: "no h", parts: []part{cutOff(secretID), answersResume(secretID, "<resumed xmlns='"+nsSM+"' previd='"+secretID+"'/>"), freshOnly}, play: resentOnce},
		saga{name: "a new one", parts: []part{cutOff(secretID), answersResume(secretID, "<enabled xmlns='"+nsSM+"' id='2' resume='true'/>"), freshOnly}, play: resentOnce},
	)},
	row{id: "S176", title: "A session is resumed from before what was acknowledged", oracle: abortRow, scenes: sagas(
		saga{name: "the server has rolled back", parts: []part{ackedAndCut, answersResume(secretID, "<resumed xmlns='"+nsSM+"' previd='"+secretID+"' h='1'/>"), freshOnly}, play: neverAgain},
		saga{name: "the server is ahead", parts: []part{ackedAndCut, answersResume(secretID, "<resumed xmlns='"+nsSM+"' previd='"+secretID+"' h='9'/>"), freshOnly}, play: neverAgain},
	)},
	row{id: "S177", title: "Another account's session", oracle: rejectRow, also: "TestMessagesOfAnotherAccount TestSuspendedIsTheAccounts", scenes: append(sagas(
		saga{name: "another account", with: earlier(foreign("mallory@localhost", domain)), parts: []part{freshOnly}, play: nothingOld},
		saga{name: "another domain", with: earlier(foreign(own, "evil.example")), parts: []part{freshOnly}, play: nothingOld},
	), scene{name: "the connection is another account's now", play: becomesJuliet})},
	row{id: "S178", title: "Counts over several resumptions", oracle: ignoreRow, scenes: sagas(
		saga{name: "three", play: threeResumptions},
		saga{name: "three, where nothing was said", play: threeResumptionsOfNothing},
	)},
	row{id: "S179", title: "What counts", oracle: ignoreRow, scenes: sagas(
		saga{name: "one by one", parts: []part{whatCounts}, play: waits},
	)},
	row{id: "S180", title: "The server says that we acknowledged too much", oracle: abortRow, scenes: sagas(
		saga{name: "while online", parts: []part{saysTooHigh, freshOnly}, play: untilOnlineAgain},
		saga{name: "in answer to a resumption", parts: []part{cutOff(secretID), answersResume(secretID, tooHigh), freshOnly}, play: resentOnce},
	)},
	row{id: "S183", title: "What waited for a day", oracle: rejectRow, scenes: sagas(
		saga{name: "the session is gone", parts: []part{unackedAndCut, refusesResume}, with: aDayAway, play: outlived},
		saga{name: "it would only wait", parts: []part{cutOff(secretID), refusesResume}, with: both(aDayAway, func(cfg *xmpp.ConnectionConfiguration) { cfg.Expiry = time.Hour }), play: outlivedWaiting},
	)},
	row{id: "S184", title: "Resume before bind", oracle: ignoreRow, scenes: sagas(
		saga{name: "refused", parts: []part{cutOff(secretID), refusedThenBinds}, play: resentOnce},
	)},
	row{id: "S187", title: "Two clients replace each other for ever", oracle: abortRow, scenes: slices.Concat(sagas(
		saga{name: "conflict", parts: []part{conflict}, play: staysAway},
	), aborts(abort{name: "conflict, in pieces", trap: online(conflicting), err: is(xmpp.ErrReplaced), online: true, with: unmanaged}))},
)

// words sends something and wants these in the stream error.
func words(send, want string) part {
	return func(l *leg) error {
		if err := errors.Join(l.managed(secretID), l.say(send)); err != nil {
			return err
		}
		_ = drain(l.ScriptConn)
		if !strings.Contains(l.Log(), "<undefined-condition ") || !strings.Contains(l.Log(), want) {
			return fmt.Errorf("it said %s", l.Log()[strings.LastIndex(l.Log(), "<presence"):])
		}
		return nil
	}
}

// untilOnlineAgain waits for the next session, which is a fresh one.
func untilOnlineAgain(_ context.Context, g *tale) error {
	for range 600 {
		pass(100 * time.Millisecond)
		if g.dials.dials.len() > 1 && g.State() == xmpp.Online {
			return g.freshSession()
		}
	}
	return fmt.Errorf("it is %v: %w", g.State(), g.Err())
}

func (g *tale) freshSession() error {
	if n := g.Stats().Resumed; n != 0 {
		return fmt.Errorf("%d sessions were resumed", n)
	}
	return nil
}

// earlier leaves a session in the client's store.
func earlier(s sm.State) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		s.Cut = time.Now()
		data, err := s.AppendBinary(nil)
		cfg.Store = xmpp.NewMemoryStore()
		if err = errors.Join(err, cfg.Store.Put(context.Background(), own+"/session", data)); err != nil {
			panic(err)
		}
	}
}

// wrapped resumes a session at 2³²-3, and ten messages and a roster go each way, and presence.
func wrapped(l *leg) error {
	h, err := l.resuming(secretID)
	if err == nil && h != "4294967293" {
		err = fmt.Errorf("h is %s", h)
	}
	var texts strings.Builder
	for n := range 10 {
		fmt.Fprintf(&texts, "<message from='%s'><body>%d</body></message>", contact, n)
	}
	err = errors.Join(err, l.say("<resumed xmlns='"+nsSM+"' previd='"+secretID+"' h='4294967293'/>"+texts.String()))
	roster, bad := l.Await("jabber:iq:roster") // it is another process that takes the session over
	err = errors.Join(err, bad, l.say("<iq type='result' id='"+roster.Attr("id")+"'><query xmlns='jabber:iq:roster'/></iq>"))
	for n := 0; err == nil && n < 10; n++ {
		_, err = l.Await(fmt.Sprintf("<body>to you %d</body>", n))
	}
	return errors.Join(err, l.handled("8"), l.say(ack(9)))
}

func wraps(ctx context.Context, g *tale) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var acks []*xmpp.Ack
	for n := range 10 {
		a, err := g.text(fmt.Sprint("to you ", n))
		if err != nil {
			return err
		}
		acks = append(acks, a)
	}
	for _, a := range acks {
		if err := a.Wait(ctx); err != nil {
			return err
		}
	}
	if got := g.heard.list(); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
		return fmt.Errorf("heard %q", got)
	}
	if g.State() != xmpp.Online || g.Stats().Resumed != 1 {
		return fmt.Errorf("%v, %+v", g.State(), g.Stats())
	}
	return nil
}

// cutOff gives the client a session and breaks off.
func cutOff(id string) part {
	return func(l *leg) error {
		err := l.managed(id)
		pass(time.Second)
		l.Cut()
		return err
	}
}

// answersResume answers a <resume/>, and the client must end that stream without another stanza.
func answersResume(id, answer string) part {
	return func(l *leg) error {
		_, err := l.resuming(id)
		before := len(l.Log())
		if err = errors.Join(err, l.say(answer)); err != nil {
			return err
		}
		l.SetPatience(10 * time.Second)
		err = drain(l.ScriptConn)
		rest := strings.ReplaceAll(streamErrors.ReplaceAllString(l.Log()[before:], ""), "</stream:stream>", "")
		if err != nil || rest != "" {
			return fmt.Errorf("the client wrote %q: %w", rest, err)
		}
		return nil
	}
}

var resumes = regexp.MustCompile(`<(resume|resumed) `)

// freshOnly plays a login that must not ask for the session any more, and leaves the rest to the server.
func freshOnly(l *leg) error {
	_, err := l.Login("romeo")
	err = errors.Join(err, l.enable("3"))
	if resumes.MatchString(l.Log()) {
		err = errors.Join(err, fmt.Errorf("it asks again: %s", l.Log()))
	}
	return err
}

// resentOnce sends a message when the connection is lost: it waits and leaves with the new session, once.
func resentOnce(ctx context.Context, g *tale) error {
	for g.State() == xmpp.Online {
		pass(100 * time.Millisecond)
	}
	if _, err := g.text("waits"); err != nil {
		return err
	}
	if err := untilOnlineAgain(ctx, g); err != nil {
		return err
	}
	pass(time.Second)
	_ = g.Close()
	pass(time.Second)
	logs := g.legs.list()
	if n := strings.Count(strings.Join(logs, ""), "<body>waits</body>"); n != 1 || !strings.Contains(logs[len(logs)-1], "<body>waits</body>") {
		return fmt.Errorf("it was sent %d times: %q", n, logs)
	}
	return nil
}

// ackedAndCut acknowledges three messages and breaks off.
func ackedAndCut(l *leg) error {
	err := errors.Join(l.managed(secretID), second(l.Await("acked 3")), l.say(ack(5)))
	pass(time.Second)
	l.Cut()
	return err
}

// neverAgain has three messages acknowledged, and never sends one of them again.
func neverAgain(ctx context.Context, g *tale) error {
	var acks []*xmpp.Ack
	for n := range 3 {
		a, err := g.text(fmt.Sprint("acked ", n+1))
		if err != nil {
			return err
		}
		acks = append(acks, a)
	}
	if err := untilOnlineAgain(ctx, g); err != nil {
		return err
	}
	for _, a := range acks {
		if err := a.Wait(ctx); err != nil {
			return err
		}
	}
	pass(time.Minute)
	_ = g.Close()
	pass(time.Second)
	if all := strings.Join(g.legs.list(), ""); strings.Count(all, "acked") != 3 {
		return fmt.Errorf("it was sent again: %s", all)
	}
	return nil
}

// foreign is the session of somebody else, with a message in it.
func foreign(account, domain string) sm.State {
	return sm.State{Account: account, Domain: domain, Address: account + "/x", ID: secretID,
		Queue: []sm.Entry{{Data: []byte("<message to='juliet@localhost'><body>old</body></message>"), Meta: []byte{'f', 1, 1, 0}}}}
}

func nothingOld(_ context.Context, g *tale) error {
	pass(time.Minute)
	_ = g.Close()
	pass(time.Second)
	if all := strings.Join(g.legs.list(), ""); strings.Contains(all, "old") || resumes.MatchString(all) {
		return fmt.Errorf("it wrote %s", all)
	}
	return nil
}

// unackedAndCut takes a message, says nothing about it and breaks off.
func unackedAndCut(l *leg) error {
	err := errors.Join(l.managed(secretID), second(l.Await("waits")))
	l.Cut()
	return err
}

// becomesJuliet has romeo's session in the store, fails to log in as him and logs in as juliet.
func becomesJuliet(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		wrote := new(sink)
		old := foreign(own, domain)
		cfg := configuration(srv, earlier(old), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				if e.Out {
					_, _ = wrote.Write(e.Data)
				}
			}
		})
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "romeo", "wrong"); err == nil {
			return errors.New("the wrong password is right")
		}
		if err := c.Login(t.Context(), "juliet", xmpp.Secret(srv.Password("juliet"))); err != nil {
			return err
		}
		pass(time.Minute)
		if text := wrote.text(); strings.Contains(text, ">old<") || resumes.MatchString(text) || !strings.Contains(text, "<presence") {
			return fmt.Errorf("it wrote %s", text)
		}
		return nil
	})
}

const tooHigh = "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error></stream:stream>"

func saysTooHigh(l *leg) error { return errors.Join(l.managed(secretID), l.say(tooHigh)) }

// aDayAway is a network that is down for a day once it has been lost.
func aDayAway(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = &outage{Dialer: cfg.Dialer} }

// refusesResume plays a server that no longer has the session.
func refusesResume(l *leg) error {
	_, err := l.resuming(secretID)
	err = errors.Join(err, l.say("<failed xmlns='"+nsSM+"'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"))
	bind, bad := l.Expect("xmpp-bind")
	return errors.Join(err, bad, l.say("<iq type='result' id='"+bind.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>"+ownFull+"</jid></bind></iq>"), l.enable("2"))
}

func refusedThenBinds(l *leg) error {
	err := refusesResume(l)
	log := l.Log()
	if resume, bind := strings.Index(log, "<resume "), strings.Index(log, "xmpp-bind"); resume < 0 || bind < resume {
		err = errors.Join(err, fmt.Errorf("the order is another: %s", log))
	}
	return err
}

// outlived sends a message that is a day old when the network is back: it is not sent again.
func outlived(ctx context.Context, g *tale) error { return expire(ctx, g, func() error { return nil }) }

// outlivedWaiting sends it when the network is away already.
func outlivedWaiting(ctx context.Context, g *tale) error {
	return expire(ctx, g, func() error {
		for n := 0; g.State() == xmpp.Online; n++ {
			if pass(100 * time.Millisecond); n > 600 {
				return errors.New("the connection is not lost")
			}
		}
		return nil
	})
}

func expire(ctx context.Context, g *tale, before func() error) error {
	if err := before(); err != nil {
		return err
	}
	a, err := g.text("waits")
	if err != nil {
		return err
	}
	pass(25 * time.Hour)
	for n := 0; g.State() != xmpp.Online; n++ {
		if pass(time.Minute); n > 60 {
			return fmt.Errorf("it is %v", g.State())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := a.Wait(ctx); !errors.Is(err, xmpp.ErrExpired) {
		return fmt.Errorf("the message: %v", err)
	}
	_ = g.Close()
	pass(time.Second)
	if logs := g.legs.list(); strings.Contains(logs[len(logs)-1], "waits") {
		return fmt.Errorf("it was sent again: %q", logs)
	}
	return nil
}

// An outage is a dialer that reaches nothing for a day behind its first connection.
type outage struct {
	xmpp.Dialer
	mu    sync.Mutex
	until time.Time
}

func (o *outage) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	o.mu.Lock()
	away := time.Now().Before(o.until)
	if o.until.IsZero() {
		o.until = time.Now().Add(24 * time.Hour)
	}
	o.mu.Unlock()
	if away {
		return nil, errors.New("the network is unreachable")
	}
	return o.Dialer.DialContext(ctx, network, address)
}

// conflict is another client with the same resource.
func conflict(l *leg) error {
	return errors.Join(l.managed(secretID), l.say("<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"))
}

func staysAway(_ context.Context, g *tale) error {
	pass(10 * time.Minute)
	if n := g.dials.dials.len(); n != 1 || !errors.Is(g.Err(), xmpp.ErrReplaced) || g.State() != xmpp.Closed {
		return fmt.Errorf("it connected %d times, and is %v: %w", n, g.State(), g.Err())
	}
	return nil
}
