package hostile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// S186: by RFC 6120 a session is asked for behind the login, so who hears its id has the certificate and knows the password. By SASL2 it is asked for in
// the first flight of the login (XEP-0198 §9.2), so who hears the id has the certificate alone. It is of no use to him: a session is resumed by who logs in
// to its account, and what he says of it before he has proved that he knows the password is not believed. Nobody gets a stanza before.
var _ = add(row{id: "S186", title: "A session is asked for by an impostor", oracle: abortRow, scenes: []scene{
	{name: "with another's certificate", play: impostor(&xmpptest.Options{Certificate: xmpptest.CertificateOtherName}, nil)},
	{name: "with a certificate of its own", play: impostor(&xmpptest.Options{Certificate: xmpptest.CertificateSelfSigned}, nil)},
	{name: "without TLS", play: impostor(&xmpptest.Options{Plaintext: true}, func(s *xmpptest.ScriptConn) error {
		return errors.Join(second(s.Header()), s.Send(header+"<stream:features><sm xmlns='"+nsSM+"'/><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
	})},
	{name: "that needs no password", play: lazy(header + "<stream:features><sm xmlns='" + nsSM + "'/><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")},
	{name: "that wants another password", play: lazy(header + offerAnd("<sm xmlns='"+nsSM+"'/>", "PLAIN"))},
	{name: "that wants another password, by SASL2", play: lazy(header + offer2("<sm xmlns='"+nsSM+"'/>", "", "PLAIN"))},
	{name: "that doesn't know the password", play: ignorant(offerAnd("<sm xmlns='"+nsSM+"'/>", sha), false)},
	{name: "that doesn't know the password, by SASL2", play: ignorant(offer2("<sm xmlns='"+nsSM+"'/>", "", sha), true)},
}})

// told finds what only the server may hear: the session's id, credentials, stanzas.
var told = regexp.MustCompile(`the-session|<auth|<response|<message|<presence|<iq`)

// impostor leads the client from its server to another one, and back after five minutes: then the session must be resumed.
func impostor(options *xmpptest.Options, play func(*xmpptest.ScriptConn) error) func(t *testing.T) error {
	return func(t *testing.T) error {
		return serve(t, options, func(other *xmpptest.Server) error {
			var heard record[string]
			other.ScriptAll(func(s *xmpptest.ScriptConn) error {
				s.SetPatience(10 * time.Second)
				if play == nil {
					_ = s.Greet()
				} else if err := play(s); err != nil {
					return err
				}
				_ = drain(s)
				heard.add(s.Log())
				return nil
			})
			return serve(t, nil, func(srv *xmpptest.Server) error {
				road := &detour{Dialer: srv.Dialer(), other: other.Dialer()}
				if err := hijacked(t, srv, road, road); err != nil {
					return err
				}
				if road.gone.Load() == 0 {
					return errors.New("it never came there")
				}
				if text := strings.Join(heard.list(), ""); told.MatchString(text) {
					return fmt.Errorf("the other server heard %s", short(text))
				}
				return nil
			})
		})
	}
}

// A detour is a dialer that leads elsewhere while it is on.
type detour struct {
	xmpp.Dialer
	other xmpp.Dialer
	on    atomic.Bool
	gone  atomic.Int32
}

func (d *detour) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if d.on.Load() {
		d.gone.Add(1)
		return d.other.DialContext(ctx, network, address)
	}
	return d.Dialer.DialContext(ctx, network, address)
}

// hijacked has a session with the server, loses it while road leads elsewhere, and has it again. On the way back it is the same session.
func hijacked(t *testing.T, srv *xmpptest.Server, dialer xmpp.Dialer, road *detour) error {
	srv.Script(func(s *xmpptest.ScriptConn) error {
		err := (&leg{s, cut{}}).managed(secretID)
		pass(time.Second)
		road.on.Store(true)
		s.Cut()
		return err
	})
	resumed := make(chan error, 1)
	srv.Script(func(s *xmpptest.ScriptConn) error {
		h, err := (&leg{s, cut{}}).resuming(secretID)
		resumed <- errors.Join(err, s.Send("<resumed xmlns='"+nsSM+"' previd='"+secretID+"' h='2'/>"))
		if h != "1" {
			err = errors.Join(err, fmt.Errorf("h is %s", h))
		}
		s.SetPatience(time.Hour)
		_ = drain(s)
		return err
	})
	c, err := xmpp.NewConnection(configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer, cfg.Resource = dialer, "orchard" }))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(t.Context(), "", ""); err != nil {
		return err
	}
	pass(5 * time.Minute)
	if c.State() == xmpp.Online {
		return errors.New("it is online")
	}
	road.on.Store(false)
	select {
	case err = <-resumed:
	case <-time.After(time.Hour):
		return fmt.Errorf("it never came back: %v %w", c.State(), c.Err())
	}
	pass(time.Second)
	if c.Stats().Resumed != 1 {
		err = errors.Join(err, fmt.Errorf("it was not resumed: %v %w", c.State(), c.Err()))
	}
	return err
}

// lazy has the right certificate, and says this in place of a login. The session is not asked for before one has succeeded.
func lazy(says string) func(t *testing.T) error {
	return func(t *testing.T) error {
		return serve(t, nil, func(srv *xmpptest.Server) error {
			srv.Script(func(s *xmpptest.ScriptConn) error { return cutOff(secretID)(&leg{s, cut{}}) })
			log := ""
			script := srv.Script(func(s *xmpptest.ScriptConn) error {
				err := errors.Join(second(s.Header()), s.Send(header), s.StartTLS(), second(s.Header()), s.Send(says))
				_ = drain(s)
				log = s.Log()
				return err
			})
			c, err := xmpp.NewConnection(configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "orchard" }))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			if err := c.Send(t.Context(), &stanza.Message{Body: "x"}); err != nil {
				return err
			}
			if err := script.Wait(t.Context()); err != nil {
				return err
			}
			if told.MatchString(log) {
				return fmt.Errorf("it wrote %s", short(log))
			}
			return nil
		})
	}
}

// ignorant has the right certificate, but for the password it only guesses, and says that the session is resumed. inline: by then it was asked for.
func ignorant(features string, inline bool) func(t *testing.T) error {
	return func(t *testing.T) error {
		return serve(t, &xmpptest.Options{ChannelBinding: []string{}}, func(srv *xmpptest.Server) error {
			srv.Script(func(s *xmpptest.ScriptConn) error { return cutOff(secretID)(&leg{s, cut{}}) })
			log := ""
			script := srv.Script(func(s *xmpptest.ScriptConn) error {
				modern, signature, err := exchanged(s, features, good, "guessed")
				proof := "v=" + base64.StdEncoding.EncodeToString(signature)
				resumed := "<resumed xmlns='" + nsSM + "' previd='" + secretID + "' h='1'/>"
				answer := saslElement("success", proof) + resumed
				if modern {
					answer = success2(own, additional(proof)+resumed)
				}
				err = errors.Join(err, s.Send(answer+"<r xmlns='"+nsSM+"'/>"+request))
				_ = drain(s)
				log = s.Log()
				return err
			})
			c, err := xmpp.NewConnection(configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "orchard" }))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			ack, err := c.Submit(t.Context(), &stanza.Message{Body: "x"})
			if err = errors.Join(err, script.Wait(t.Context())); err != nil {
				return err
			}
			pass(10 * time.Minute)
			var f faults
			f = append(f, unproven(c.Err()))
			if ack.Err() == nil {
				f.addf("the message has arrived, it is said")
			}
			if told := strings.Contains(log, "previd='"+secretID+"'"); told != inline {
				f.addf("it asked for the session: %v", told)
			}
			if _, rest, _ := strings.Cut(log, "<response"); stanzas.MatchString(rest) {
				f.addf("it wrote %s", short(rest))
			}
			if c.Stats().Resumed != 0 || c.State() != xmpp.Closed {
				f.addf("it is %v, resumed %d times", c.State(), c.Stats().Resumed)
			}
			return f.err()
		})
	}
}

// stanzas finds what is only for who has proved to be the server, whatever he may know.
var stanzas = regexp.MustCompile(`<message|<presence|<iq|<resume|<a |<r `)
