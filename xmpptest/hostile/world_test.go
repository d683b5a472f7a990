package hostile_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xmpptest"
)

// with is a change of a configuration.
type with func(*xmpp.ConnectionConfiguration)

// serve runs f with a server that is closed behind it. romeo's password is a canary there, and what his clients show is watched.
func serve(t *testing.T, options *xmpptest.Options, f func(srv *xmpptest.Server) error) error {
	t.Helper()
	srv, err := xmpptest.Start(options)
	if err != nil {
		return err
	}
	if err := srv.AddAccount("romeo", canary); err != nil {
		return err
	}
	w := new(watch)
	watches.Store(srv, w)
	defer watches.Delete(srv)
	err = f(srv)
	srv.Close()
	return errors.Join(err, w.over())
}

// configuration is that of romeo, whose server is in memory.
func configuration(srv *xmpptest.Server, changes ...with) *xmpp.ConnectionConfiguration {
	cfg := &xmpp.ConnectionConfiguration{
		Address: srv.Address("romeo"), Password: xmpp.Secret(srv.Password("romeo")),
		Host: "xmpp.example", Dialer: srv.Dialer(), TLS: &tls.Config{RootCAs: srv.CA(), CurvePreferences: []tls.CurveID{tls.CurveP256}}, // one that is quick: there are many handshakes
	}
	return watched(srv, cfg, changes...)
}

// ownConfiguration is that of romeo as the server makes it, for one without TLS.
func ownConfiguration(srv *xmpptest.Server, changes ...with) *xmpp.ConnectionConfiguration {
	return watched(srv, srv.Configuration("romeo"), changes...)
}

// measured is ownConfiguration without a look at traces, the cost of which would be measured too. What is told to
// OnError is in the log as well.
func measured(srv *xmpptest.Server) *xmpp.ConnectionConfiguration {
	cfg := srv.Configuration("romeo")
	if w, ok := watches.Load(srv); ok {
		w.(*watch).logs(cfg)
	}
	return cfg
}

// watched makes the changes, and looks at what the configuration's hooks are told.
func watched(srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration, changes ...with) *xmpp.ConnectionConfiguration {
	for _, change := range changes {
		if change != nil {
			change(cfg)
		}
	}
	if w, ok := watches.Load(srv); ok {
		w.(*watch).on(cfg)
	}
	return cfg
}

// A client is what is put to the test: the library, or, where an oracle is tested, one that does it wrong.
type client interface {
	Login(ctx context.Context, user string, password xmpp.Secret) error
	Done() <-chan struct{}
	Err() error
	State() xmpp.State
	OnState(func(xmpp.StateChange)) (stop func())
	Close() error
}

// library makes the client that the rows are about.
func library(cfg *xmpp.ConnectionConfiguration) (client, error) { return xmpp.NewConnection(cfg) }

// A record is what several goroutines saw.
type record[T any] struct {
	mu  sync.Mutex
	all []T
}

func (r *record[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, v)
}

func (r *record[T]) list() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *record[T]) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// since is what was recorded after the first n.
func (r *record[T]) since(n int) []T { return r.list()[n:] }

// second drops the value of a call whose error counts.
func second[T any](_ T, err error) error { return err }

// as makes a check of errors.As.
func as[T error](err error) error {
	if _, ok := errors.AsType[T](err); !ok {
		return fmt.Errorf("%w: it is no %T", err, *new(T))
	}
	return nil
}

// is makes a check of errors.Is.
func is(target error) func(error) error {
	return func(err error) error {
		if !errors.Is(err, target) {
			return fmt.Errorf("%v: it is not %q", err, target)
		}
		return nil
	}
}

// text makes a check of what an error that has no type of its own says: one of these.
func text(words ...string) func(error) error {
	return func(err error) error {
		if err == nil || containsAny(err.Error(), words...) == "" {
			return fmt.Errorf("%v: it says none of %q", err, words)
		}
		return nil
	}
}

// all is every one of the checks.
func all(checks ...func(error) error) func(error) error {
	return func(err error) error {
		for _, check := range checks {
			if bad := check(err); bad != nil {
				return bad
			}
		}
		return nil
	}
}

// pass lets time pass, in virtual time, and all that follows from that happen. Only a scene's own goroutine may call it.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// short cuts what is shown of a long text.
func short(s string) string {
	if len(s) > 300 {
		return s[:200] + "…" + s[len(s)-90:]
	}
	return s
}

// containsAny tells which of the words is in s.
func containsAny(s string, words ...string) string {
	for _, w := range words {
		if w != "" && strings.Contains(s, w) {
			return w
		}
	}
	return ""
}

// romeo is the account of that name at a domain.
func romeo(domain string) jid.JID { return jid.MustParse("romeo@" + domain) }
