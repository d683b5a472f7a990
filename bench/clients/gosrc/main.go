// Gosrc is the client of gosrc.io/xmpp.
package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"gosrc.io/xmpp"
	"gosrc.io/xmpp/stanza"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
)

func main() {
	peer.Main(map[string]func(peer.Options) (*peer.Result, error){
		"full": receive, "live": receive, "chat": receive, "drain": send, "echo": rally, "idle": idle,
	})
}

func login(o peer.Options, router *xmpp.Router, failed func(error)) (*xmpp.Client, error) {
	client, err := xmpp.NewClient(&xmpp.Config{
		TransportConfiguration: xmpp.TransportConfiguration{Address: o.Addr},
		Jid:                    o.User + "@" + corpus.Domain, Credential: xmpp.Password(peer.Password), Insecure: true,
	}, router, failed)
	if err != nil {
		return nil, err
	}
	return client, client.Connect()
}

// A listener counts what the router's handlers are given. Each stanza has a goroutine of its own, so
// the end is there when all are.
type listener struct {
	mu    sync.Mutex
	tally *peer.Tally
	left  int
}

func (l *listener) hear(_ xmpp.Sender, p stanza.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch s := p.(type) {
	case stanza.Presence:
		l.tally.Hear(corpus.Presence, len(s.From), len(s.Status))
	case stanza.Message:
		switch {
		case strings.HasPrefix(s.From, peer.EndLocal+"@"):
		case s.Type == stanza.MessageTypeGroupchat:
			l.tally.Hear(corpus.Groupchat, len(s.From), len(s.Body))
		default:
			l.tally.Hear(corpus.Chat, len(s.From), len(s.Body))
		}
	}
	if l.left--; l.left == 0 {
		l.tally.End()
	}
}

func receive(o peer.Options) (*peer.Result, error) {
	l := &listener{left: o.N + 1}
	failed := make(chan error, 10)
	router := xmpp.NewRouter()
	router.HandleFunc("message", l.hear)
	router.HandleFunc("presence", l.hear)
	client, err := login(o, router, func(err error) { failed <- err })
	if err != nil {
		return nil, err
	}
	l.tally = peer.NewTally()
	if err := client.Send(stanza.Message{Attrs: stanza.Attrs{To: peer.GoAddress, Type: stanza.MessageTypeChat}, Body: o.Go()}); err != nil {
		return nil, err
	}
	select {
	case <-l.tally.Done:
		return &l.tally.Result, nil
	case err := <-failed:
		return nil, fmt.Errorf("the session ended: %w", err)
	case <-time.After(peer.Timeout / 2):
		return nil, errors.New("the end of the corpus did not come")
	}
}
