package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A place is a server and two accounts there.
type place struct {
	host, domain, user string
	port               int
	tls                *tls.Config
	password           xmpp.Secret
	to                 jid.JID
	toPassword         xmpp.Secret // "": somebody else reads what is sent
	close              func()
}

// parse reads the flags; without any it starts a server.
func parse(args []string) (*place, error) {
	if len(args) == 0 {
		return inProcess()
	}
	p := &place{close: func() {}}
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it all
	address := flags.String("address", "", "the `account` that sends")
	password := flags.String("password", "", "its password")
	to := flags.String("to", "", "the `account` that receives; empty: the one that sends")
	toPassword := flags.String("to-password", "", "its password, to read there what arrives")
	ca := flags.String("ca", "", "PEM `file` with the authority that signed the server's certificate")
	flags.StringVar(&p.host, "host", "", "where the server is; empty: where the DNS says")
	flags.IntVar(&p.port, "port", 0, "its port; 0: 5222")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	sender, err := jid.Parse(*address)
	if err != nil {
		return nil, fmt.Errorf("-address: %w", err)
	}
	p.domain, p.user, p.password = sender.Domain(), sender.String(), xmpp.Secret(*password)
	p.to, p.toPassword = sender.Bare(), p.password
	if *to != "" {
		if p.to, err = jid.Parse(*to); err != nil {
			return nil, fmt.Errorf("-to: %w", err)
		}
		p.toPassword = xmpp.Secret(*toPassword)
	}
	return p, p.trust(*ca)
}

// trust makes the certificates of one more authority good.
func (p *place) trust(file string) error {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("-ca: %w", err)
	}
	p.tls = &tls.Config{RootCAs: x509.NewCertPool()}
	if !p.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("-ca: no certificate in %s", file)
	}
	return nil
}

func inProcess() (*place, error) {
	srv, err := xmpptest.Start(&xmpptest.Options{
		Domain: "127.0.0.1", Listen: true, Accounts: map[string]string{"bjsujb": "123456", "bjsujb1": "123456"},
	})
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(srv.Addr())
	number, _ := strconv.Atoi(port)
	return &place{
		host: host, port: number, domain: srv.Domain(), tls: &tls.Config{RootCAs: srv.CA()},
		user: "bjsujb1", password: "123456", to: srv.Address("bjsujb"), toPassword: "123456", close: srv.Close,
	}, nil
}

// listen logs the receiver in, as far as its password is known, and returns what it receives.
func (p *place) listen(ctx context.Context) (<-chan *stanza.Message, error) {
	if p.toPassword == "" {
		return nil, nil
	}
	conn, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{
		Host: p.host, Port: p.port, TLS: p.tls, Address: p.to, Password: p.toPassword,
	})
	if err != nil {
		return nil, err
	}
	stop := p.close
	p.close = func() { conn.Close(); stop() }
	messages := conn.ChatManager().Messages(ctx) // subscribed before anything can arrive
	if err := conn.Login(ctx, "", ""); err != nil {
		return nil, err
	}
	if p.user == p.to.String() {
		p.to = conn.User() // and not to ourselves
	}
	return messages, nil
}
