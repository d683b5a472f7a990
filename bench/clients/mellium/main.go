// Mellium is the client of mellium.im/xmpp.
package main

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net"

	"mellium.im/sasl"
	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/forward"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
)

func main() {
	peer.Main(map[string]func(peer.Options) (*peer.Result, error){
		"full": receive, "live": receive, "chat": receive, "drain": send, "echo": rally, "idle": idle,
	})
}

func login(ctx context.Context, o peer.Options) (*xmpp.Session, error) {
	c, err := net.Dial("tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	if o.CA != "" {
		config, err := o.TLS()
		if err != nil {
			return nil, err
		}
		c = tls.Client(c, config)
	}
	// It logs in only on what it takes for secure; loopback is.
	return xmpp.NewSession(ctx, jid.MustParse(corpus.Domain), jid.MustParse(o.User+"@"+corpus.Domain), c, xmpp.Secure,
		xmpp.NewNegotiator(func(*xmpp.Session, *xmpp.StreamConfig) xmpp.StreamConfig {
			return xmpp.StreamConfig{Features: []xmpp.StreamFeature{xmpp.SASL("", peer.Password, sasl.ScramSha256, sasl.Plain), xmpp.BindResource()}}
		}))
}

// A message is what its documentation shows: the stanza's own fields beside those of payloads.
type message struct {
	stanza.Message
	Body   string `xml:"body"`
	Result *struct {
		Forwarded struct {
			forward.Forwarded
			Message struct {
				stanza.Message
				Body string `xml:"body"`
			} `xml:"jabber:client message"`
		} `xml:"urn:xmpp:forward:0 forwarded"`
	} `xml:"urn:xmpp:mam:2 result"`
}

type presence struct {
	stanza.Presence
	Show   string `xml:"show"`
	Status string `xml:"status"`
}

func receive(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	session, err := login(ctx, o)
	if err != nil {
		return nil, err
	}
	var tally *peer.Tally
	served := make(chan error, 1)
	go func() {
		served <- session.Serve(xmpp.HandlerFunc(func(t xmlstream.TokenReadEncoder, start *xml.StartElement) error {
			return hear(tally, t, start)
		}))
	}()
	if err := session.Send(ctx, stanza.Presence{}.Wrap(nil)); err != nil {
		return nil, err
	}
	tally = peer.NewTally()
	if err := say(ctx, session, peer.GoAddress, o.Go()); err != nil {
		return nil, err
	}
	select {
	case <-tally.Done:
		return &tally.Result, nil
	case err := <-served:
		return nil, fmt.Errorf("the session ended: %w", err)
	}
}

type body struct {
	stanza.Message
	Body string `xml:"body"`
}

func say(ctx context.Context, session *xmpp.Session, to, text string) error {
	return session.Encode(ctx, body{stanza.Message{To: jid.MustParse(to), Type: stanza.ChatMessage}, text})
}

func hear(tally *peer.Tally, t xmlstream.TokenReadEncoder, start *xml.StartElement) error {
	d := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), t))
	switch start.Name.Local {
	case "presence":
		var p presence
		if err := d.Decode(&p); err != nil && err != io.EOF {
			return err
		}
		tally.Hear(corpus.Presence, length(p.From), len(p.Status))
	case "message":
		var m message
		if err := d.Decode(&m); err != nil && err != io.EOF {
			return err
		}
		switch {
		case m.Result != nil:
			inner := &m.Result.Forwarded.Message
			tally.Hear(corpus.Archive, length(inner.From), len(inner.Body))
		case m.Type == stanza.GroupChatMessage:
			tally.Hear(corpus.Groupchat, length(m.From), len(m.Body))
		case m.From.Localpart() == peer.EndLocal:
			tally.End()
		default:
			tally.Hear(corpus.Chat, length(m.From), len(m.Body))
		}
	}
	return nil
}

// length is that of an address as text, without making it.
func length(j jid.JID) int {
	n := len(j.Domainpart())
	if l := len(j.Localpart()); l > 0 {
		n += l + 1
	}
	if r := len(j.Resourcepart()); r > 0 {
		n += r + 1
	}
	return n
}
