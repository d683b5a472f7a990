// Goxmpp is the client of github.com/xmppo/go-xmpp.
package main

import (
	"encoding/xml"
	"strings"

	"github.com/xmppo/go-xmpp"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
)

func main() {
	peer.Main(map[string]func(peer.Options) (*peer.Result, error){
		"full": receive, "live": receive, "chat": receive, "drain": send, "echo": rally, "idle": idle,
	})
}

func login(o peer.Options) (*xmpp.Client, error) {
	options := xmpp.Options{Host: o.Addr, User: o.User + "@" + corpus.Domain, Password: peer.Password,
		NoTLS: true, InsecureAllowUnencryptedAuth: true, Status: "available"}
	if o.CA != "" {
		config, err := o.TLS()
		if err != nil {
			return nil, err
		}
		options.NoTLS, options.TLSConfig = false, config
	}
	return options.NewClient()
}

func receive(o peer.Options) (*peer.Result, error) {
	client, err := login(o)
	if err != nil {
		return nil, err
	}
	tally := peer.NewTally()
	if _, err := client.Send(xmpp.Chat{Remote: peer.GoAddress, Type: "chat", Text: o.Go()}); err != nil {
		return nil, err
	}
	for {
		stanza, err := client.Recv()
		if err != nil {
			return nil, err
		}
		switch s := stanza.(type) {
		case xmpp.Presence:
			tally.Hear(corpus.Presence, len(s.From), len(s.Status))
		case xmpp.Chat:
			if strings.HasPrefix(s.Remote, peer.EndLocal+"@") {
				tally.End()
				return &tally.Result, nil
			}
			if err := hear(tally, &s); err != nil {
				return nil, err
			}
		}
	}
}

// hear counts a message. Of an archived one the library gives the XML.
func hear(tally *peer.Tally, c *xmpp.Chat) error {
	kind := corpus.Chat
	if c.Type == "groupchat" {
		kind = corpus.Groupchat
	}
	for _, e := range c.OtherElem {
		if e.XMLName.Local != "result" {
			continue
		}
		var forwarded struct {
			Message struct {
				From string `xml:"from,attr"`
				Body string `xml:"body"`
			} `xml:"message"`
		}
		if err := xml.Unmarshal([]byte(e.InnerXML), &forwarded); err != nil {
			return err
		}
		tally.Hear(corpus.Archive, len(forwarded.Message.From), len(forwarded.Message.Body))
		return nil
	}
	tally.Hear(kind, len(c.Remote), len(c.Text))
	return nil
}
