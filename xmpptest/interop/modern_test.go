package interop_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// modernLogin is what can go otherwise in a login by SASL2, on a server that has all of it.
func modernLogin(w *world) {
	m := w.modern()
	m.boundAndInlined()
	m.refusedToken()
	m.wrongGuess()
	m.wrongTwice()
	if m.restart != nil {
		m.forgotten()
	}
}

// syncing makes Bind 2 possible.
func syncing(cfg xmpp.Extension) xmpp.Extension {
	cfg.Name, cfg.CatchUp = "sync", func(context.Context) bool { return true }
	return cfg
}

// boundAndInlined: Bind 2 with a tag, and copies of messages switched on within it: the server says nothing, or something, and does it.
func (w *world) boundAndInlined() {
	const carbons = "urn:xmpp:carbons:2"
	user, friend := w.user(), w.user()
	var session *xmpp.Session
	enable, err := stanza.Parse("<enable xmlns='" + carbons + "'/>")
	require.NoError(w, err)
	first := w.connection(user, as("tag"))
	copies := make(chan *stanza.Message, 10)
	first.Use(syncing(xmpp.Extension{
		Inline: func() map[string]stanza.Element {
			return map[string]stanza.Element{carbons: enable, "urn:x": enable}
		},
		Start: func(_ context.Context, s *xmpp.Session) error { session = s; return nil },
		Unwrap: func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
			if !m.Element().Child(carbons, "received").IsZero() {
				copies <- m
			}
			return m, nil
		},
	}))
	require.NoError(w, first.Login(w.ctx, "", ""))
	require.Contains(w, first.User().Resource(), "tag")
	require.True(w, session.Inlined(carbons))
	require.False(w, session.Inlined("urn:x"))
	w.Logf("%s: %s, %v", w.name, first.User(), session.Bound)

	second := w.online(user)
	require.NotEqual(w, first.User(), second.User())
	sender := w.online(friend)
	require.NoError(w, sender.Send(w.ctx, &stanza.Message{To: second.User(), Type: stanza.MessageChat, Body: "for one of them"}))
	next(w, "the copy", copies)
}

// damage changes what is stored under a key of the account.
func (w *world) damage(s xmpp.Store, user jid.JID, kind string, change func(string) string) {
	w.Helper()
	key := user.String() + "/" + kind
	value, err := s.Get(w.ctx, key)
	require.NoError(w, err)
	changed := change(string(value))
	require.NotEqual(w, string(value), changed)
	require.NoError(w, s.Put(w.ctx, key, []byte(changed)))
}

// logins logs in and out with a store and returns the mechanisms that were tried, and over how many connections.
func (w *world) logins(user jid.JID, s xmpp.Store, edits ...edit) (tried []string, connections int64, err error) {
	w.Helper()
	var l tape
	p := w.proxy(w.startTLS)
	c := w.connection(user, append([]edit{kept(s), l.listening(), through(p)}, edits...)...)
	if err = c.Login(w.ctx, "", ""); err == nil {
		settle(w, c)
	}
	for _, e := range l.all(true, "<authenticate ") {
		_, name, _ := strings.Cut(e, "mechanism='")
		name, _, _ = strings.Cut(name, "'")
		tried = append(tried, name)
	}
	require.NoError(w, c.Close())
	return tried, p.accepted.Load(), err
}

// refusedToken: a token that the server doesn't know costs one attempt, on the same stream.
func (w *world) refusedToken() {
	user, s := w.user(), xmpp.NewMemoryStore()
	tried, _, err := w.logins(user, s)
	require.NoError(w, err)
	require.Len(w, tried, 1)
	tried, _, err = w.logins(user, s)
	require.NoError(w, err)
	require.Equal(w, []string{"HT-SHA-256-EXPR"}, tried)
	w.damage(s, user, "fast", func(v string) string {
		var all []map[string]any
		require.NoError(w, json.Unmarshal([]byte(v), &all))
		all[0]["secret"] = "another"
		b, err := json.Marshal(all)
		require.NoError(w, err)
		return string(b)
	})
	tried, connections, err := w.logins(user, s)
	require.NoError(w, err)
	require.Len(w, tried, 2)
	require.Equal(w, "HT-SHA-256-EXPR", tried[0])
	require.Regexp(w, "^SCRAM-.*-PLUS$", tried[1])
	require.EqualValues(w, 1, connections)
	tried, _, err = w.logins(user, s)
	require.NoError(w, err)
	require.Equal(w, []string{"HT-SHA-256-EXPR"}, tried, "there is a new one")
	// A newer one that the server doesn't know, in front of one that it does: some servers take a second token on the same stream.
	w.damage(s, user, "fast", func(v string) string {
		var all []map[string]any
		require.NoError(w, json.Unmarshal([]byte(v), &all))
		newer := maps.Clone(all[0])
		newer["secret"] = "another"
		b, err := json.Marshal([]any{newer, all[0]})
		require.NoError(w, err)
		return string(b)
	})
	tried, connections, err = w.logins(user, s)
	require.NoError(w, err)
	require.EqualValues(w, 1, connections)
	w.Logf("%s, a token that is not known and one that is: %v", w.name, tried)
}

// wrongGuess: whatever was remembered of the server, the login succeeds.
func (w *world) wrongGuess() {
	off := func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableFAST = true }
	for name, change := range map[string]func(string) string{
		"a mechanism that it hasn't": func(v string) string {
			return strings.NewReplacer("SCRAM-SHA-1", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-512").Replace(v)
		},
		"a binding that it hasn't": func(v string) string { return strings.ReplaceAll(v, "tls-exporter", "tls-server-end-point") },
		"no binding": func(v string) string {
			return strings.NewReplacer("-PLUS", "-MINUS", "urn:xmpp:sasl-cb:0", "urn:x").Replace(v)
		},
		"foreign bindings": func(v string) string {
			return strings.NewReplacer("tls-exporter", "x", "tls-server-end-point", "y").Replace(v)
		},
	} {
		user, s := w.user(), xmpp.NewMemoryStore()
		_, _, err := w.logins(user, s, off)
		require.NoError(w, err)
		w.damage(s, user, "features", change)
		tried, connections, err := w.logins(user, s, off)
		require.NoError(w, err, name)
		w.Logf("%s, %s: %v over %d connections", w.name, name, tried, connections)
		require.Regexp(w, "^SCRAM-.*-PLUS$", tried[len(tried)-1], name)
		require.LessOrEqual(w, connections, int64(2))
		tried, connections, err = w.logins(user, s, off)
		require.NoError(w, err, name)
		require.Len(w, tried, 1)
		require.EqualValues(w, 1, connections)
	}
}

// wrongTwice: the credentials callback is asked again on the same stream.
func (w *world) wrongTwice() {
	user := w.user()
	asked := 0
	tried, connections, err := w.logins(user, xmpp.NewMemoryStore(), func(cfg *xmpp.ConnectionConfiguration) {
		right := cfg.Password
		cfg.Password = ""
		cfg.Credentials = func(_ context.Context, r xmpp.CredentialsRequest) (xmpp.Secret, error) {
			if asked++; asked == 1 {
				return "wrong", nil
			}
			require.ErrorIs(w, r.Failure, sasl.NotAuthorized)
			return right, nil
		}
	})
	require.NoError(w, err)
	require.Len(w, tried, 2)
	require.EqualValues(w, 1, connections)
}

// forgotten: the server was started anew and has no session to resume; the same success binds a new one.
func (w *world) forgotten() {
	var l tape
	c := w.connection(w.user(), l.listening())
	c.Use(syncing(xmpp.Extension{}))
	require.NoError(w, c.Login(w.ctx, "", ""))
	settle(w, c)
	states := c.States(w.ctx)
	require.NoError(w, w.restart())
	back := until(w, "a new session", states, func(s xmpp.StateChange) bool { return s.State == xmpp.Online })
	require.True(w, back.Reset)
	require.Len(w, l.all(true, "<authenticate ", "<resume "), 1)
	answer := l.all(false, "<success ", "<failed ")
	require.Len(w, answer, 1)
	require.Contains(w, answer[0], "<bound ")
	settle(w, c)
	require.NoError(w, c.Close())
}
