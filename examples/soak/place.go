package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/gosmack/xmpp/xmpptest/faultproxy"
)

// A place is a server behind a proxy and accounts there.
type place struct {
	accounts []*xmpp.ConnectionConfiguration
	proxy    *faultproxy.Proxy
	server   *xmpptest.Server // nil: somebody else's
}

func find(s *settings) (p *place, err error) {
	p = new(place)
	var base xmpp.ConnectionConfiguration
	logins := strings.Split(s.accounts, ",")
	if s.address == "" {
		logins = nil
		passwords := map[string]string{}
		for i := range s.bots {
			passwords[fmt.Sprint("bot", i)] = "secret"
			logins = append(logins, fmt.Sprintf("bot%d:secret", i))
		}
		if p.server, err = xmpptest.Start(&xmpptest.Options{Domain: "localhost", Listen: true, Accounts: passwords}); err != nil {
			return nil, err
		}
		s.address, s.domain = p.server.Addr(), p.server.Domain()
		base.TLS = &tls.Config{RootCAs: p.server.CA()}
	}
	if p.proxy, err = faultproxy.Listen(s.address, s.seed); err != nil {
		return nil, err
	}
	if s.unverified {
		base.Security = xmpp.SecurityUnverified
	}
	host, port, _ := net.SplitHostPort(p.proxy.Addr())
	base.Host = host
	base.Port, _ = strconv.Atoi(port)
	for _, login := range logins {
		user, password, _ := strings.Cut(login, ":")
		cfg := base
		cfg.Password = xmpp.Secret(password)
		if cfg.Address, err = jid.New(user, s.domain, ""); err != nil {
			p.close()
			return nil, fmt.Errorf("account %q: %w", user, err)
		}
		p.accounts = append(p.accounts, &cfg)
	}
	if len(p.accounts) < 2 {
		p.close()
		return nil, fmt.Errorf("-accounts: two are the least")
	}
	return p, nil
}

func (p *place) close() {
	p.proxy.Close()
	if p.server != nil {
		p.server.Close()
	}
}
