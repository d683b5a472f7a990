// Ours is the client of this library.
package main

import (
	"context"
	"net"
	"strconv"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
	"github.com/gosmack/xmpp/jid"
)

func main() {
	peer.Main(map[string]func(peer.Options) (*peer.Result, error){
		"full": receive, "live": receive, "chat": receive, "size": receive, "room": receive,
		"drain": send, "echo": rally, "lone": rally, "idle": idle, "login": login, "roster": roster,
	})
}

// configuration is the default one, stream management and all, but for what loopback needs.
func configuration(o peer.Options) (*xmpp.ConnectionConfiguration, error) {
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	address, err := jid.New(o.User, corpus.Domain, "")
	if err != nil {
		return nil, err
	}
	cfg := &xmpp.ConnectionConfiguration{Address: address, Password: peer.Password, Host: host, Security: xmpp.SecurityPlaintext}
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	if o.CA != "" {
		config, err := o.TLS()
		if err != nil {
			return nil, err
		}
		cfg.Security, cfg.TLS = xmpp.SecurityDirectTLS, config
	}
	if o.Chunk > 0 {
		cfg.Dialer = chunkedDialer(o.Chunk)
	}
	return cfg, nil
}

func connect(o peer.Options) (*xmpp.Connection, error) {
	cfg, err := configuration(o)
	if err != nil {
		return nil, err
	}
	return xmpp.NewConnection(cfg)
}

// begin makes the server start.
func begin(ctx context.Context, conn *xmpp.Connection, o peer.Options) error {
	return conn.ChatManager().CreateChat(jid.MustParse(peer.GoAddress)).SendMessage(ctx, o.Go())
}
