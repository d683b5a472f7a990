package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func contacts(r *xmpp.Roster) (all []string) {
	for c := range r.Contacts() {
		all = append(all, fmt.Sprint(c.JID, " ", c.Name, " ", c.Subscription, " ", c.Groups))
	}
	return all
}

func changes(c *xmpp.Connection) *record[string] {
	r := new(record[string])
	c.Roster().OnChange(func(_ context.Context, ch xmpp.RosterChange) {
		r.add(strings.TrimSpace(fmt.Sprint(ch.Kind, " ", ch.Contact.JID, " ", ch.Contact.Name)))
	})
	return r
}

func TestRosterEditing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		other := online(t, srv, "romeo") // a second device sees it all
		seen := changes(other)
		c := online(t, srv, "romeo")
		r := c.Roster()
		require.True(t, r.Loaded())
		ctx := t.Context()
		require.NoError(t, r.Add(ctx, must(juliet.WithResource("x")), "Juliet", "Friends", "Verona"))
		require.NoError(t, r.Add(ctx, srv.Address("nurse"), ""))
		settle()
		require.Equal(t, []string{"juliet@localhost Juliet none [Friends Verona]", "nurse@localhost  none []"}, contacts(r))
		require.NoError(t, r.Rename(ctx, juliet, "Jule"))
		settle()
		require.NoError(t, r.SetGroups(ctx, juliet, "Only"))
		settle()
		got, ok := other.Roster().Contact(must(juliet.WithResource("any")))
		require.True(t, ok)
		require.Equal(t, "Jule", got.Name)
		require.Equal(t, []string{"Only"}, got.Groups)
		got.Groups[0] = "changed by the caller"
		require.Equal(t, []string{"juliet@localhost Jule none [Only]", "nurse@localhost  none []"}, contacts(other.Roster()))
		require.NoError(t, r.Remove(ctx, juliet))
		settle()
		_, ok = r.Contact(juliet)
		require.False(t, ok)
		require.ErrorIs(t, r.Rename(ctx, juliet, "x"), stanza.ItemNotFound)
		require.ErrorIs(t, r.Remove(ctx, juliet), stanza.ItemNotFound)
		require.Equal(t, []string{"added juliet@localhost Juliet", "added nurse@localhost", "changed juliet@localhost Jule", "changed juliet@localhost Jule", "removed juliet@localhost Jule"}, seen.list()[len(seen.list())-5:])
		for range r.Contacts() {
			break
		}
	})
}

// A server may answer before it pushes; the edit ends when the list shows it all the same.
func TestRosterAnsweredBeforeThePush(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c, ask, answers := dialogue(t, srv, nil)
		push := func(item string) {
			ask("<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='juliet@localhost' " + item + "/></query></iq>")
			settle()
			require.Contains(t, (<-answers).String(), "result")
		}
		push("name='Juliet'")
		done := make(chan error, 1)
		edit := func(f func() error) {
			go func() { done <- f() }()
			settle()
			ask("<iq type='result' id='" + (<-answers).Attr("id") + "'/>")
			settle()
			require.Empty(t, done, "before the list shows it")
		}
		edit(func() error { return c.Roster().Rename(t.Context(), juliet, "Jule") })
		push("name='another edit'")
		require.Empty(t, done)
		push("name='Jule'")
		require.NoError(t, <-done)
		edit(func() error { return c.Roster().Remove(t.Context(), juliet) })
		push("subscription='remove'")
		require.NoError(t, <-done)
		require.ErrorIs(t, c.Roster().Rename(t.Context(), juliet, "x"), stanza.ItemNotFound)

		start := time.Now()
		edit(func() error { return c.Roster().Add(t.Context(), juliet, "") })
		require.NoError(t, <-done)
		require.Equal(t, time.Second, time.Since(start), "a server that pushes nothing")
	})
}

// One bad item costs nothing but itself, and an odd value is kept.
func TestRosterWithBadItems(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			iq, err := s.Expect("jabber:iq:roster")
			if err != nil {
				return err
			}
			s.Conn.Send("<iq type='result' id='" + iq.Attr("id") + "'><query xmlns='jabber:iq:roster'>" +
				"<item jid='juliet@localhost' name='J' subscription='odd'><group>A</group><group>A</group><group/></item>" +
				"<item jid='@@' name='bad'/><item name='none'/><x xmlns='urn:x'/>" +
				"<item jid='nurse@localhost' ask='subscribe' approved='1'/></query></iq>")
			return s.Serve()
		})
		reported := new(record[error])
		c := online(t, srv, "romeo", complaints(reported))
		require.Equal(t, []string{"juliet@localhost J odd [A]", "nurse@localhost  none []"}, contacts(c.Roster()))
		nurse, _ := c.Roster().Contact(srv.Address("nurse"))
		require.True(t, nurse.Asked && nurse.PreApproved)
		require.Len(t, reported.list(), 2)
	})
}

// A roster that can't be had doesn't fail the login, and what was known stands.
func TestRosterThatFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		reported := new(record[error])
		c := online(t, srv, "romeo", complaints(reported))
		require.NoError(t, c.Roster().Add(t.Context(), juliet, "J"))
		settle()
		for _, answer := range []func(s *xmpptest.ScriptConn, id string){
			func(s *xmpptest.ScriptConn, id string) {
				s.Conn.Send("<iq type='error' id='" + id + "'><error type='wait'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
			},
			func(*xmpptest.ScriptConn, string) {}, // never
		} {
			srv.Script(func(s *xmpptest.ScriptConn) error {
				if _, err := s.Login("romeo"); err != nil {
					return err
				}
				iq, err := s.Expect("jabber:iq:roster")
				answer(s, iq.Attr("id"))
				_ = s.Serve()
				return err
			})
			before := len(reported.list())
			srv.Drop("romeo")
			pass(time.Minute)
			require.Equal(t, xmpp.Online, c.State())
			require.Len(t, reported.list(), before+1)
			require.Len(t, contacts(c.Roster()), 1)
		}
	})
}

// Versions (RFC 6121 §2.6): a second process with the same Store gets the roster without it being sent again.
func TestRosterVersions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		items := 0
		srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if q := e.Child("jabber:iq:roster", "query"); e.Attr("type") == "result" && !q.IsZero() {
				items += len(slices.Collect(q.Children()))
			}
			return []stanza.Element{e}
		})
		store := xmpp.NewMemoryStore()
		shared := func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store }
		c := online(t, srv, "romeo", shared)
		require.NoError(t, c.Roster().Add(t.Context(), juliet, "<J&'\">", "G 1"))
		require.NoError(t, c.Roster().Add(t.Context(), srv.Address("nurse"), ""))
		settle()
		want := contacts(c.Roster())
		require.Len(t, want, 2)
		require.NoError(t, c.Close())
		settle()

		items = 0
		c = online(t, srv, "romeo", shared)
		require.Equal(t, want, contacts(c.Roster()))
		require.Zero(t, items, "nothing was sent again")
		require.NoError(t, c.Close())

		other := online(t, srv, "romeo") // changes it while the first is away
		require.NoError(t, other.Roster().Remove(t.Context(), juliet))
		c = online(t, srv, "romeo", shared)
		settle()
		require.Equal(t, []string{"nurse@localhost  none []"}, contacts(c.Roster()))
		require.NoError(t, c.Close())
		settle()

		for key, err := range store.Keys(t.Context(), "romeo@localhost/roster") {
			require.NoError(t, err)
			require.NoError(t, store.Put(t.Context(), key, []byte("<broken")))
		}
		c = online(t, srv, "romeo", shared)
		require.Equal(t, []string{"nurse@localhost  none []"}, contacts(c.Roster()), "what can't be read is as good as nothing")
	})
}

// With ANONYMOUS each login is somebody else, whose list has nothing to do with the one before.
func TestRosterOfSomebodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Mechanisms: []string{"ANONYMOUS"}, NoStreamManagement: true})
		asked := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if q := e.Child("jabber:iq:roster", "query"); e.Attr("type") == "get" && !q.IsZero() {
				asked.add(q.Attr("ver"))
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Address, cfg.Password, cfg.Domain, cfg.Mechanisms = jid.JID{}, "", "localhost", []string{"ANONYMOUS"}
		})
		require.NoError(t, c.Roster().Add(t.Context(), juliet, ""))
		srv.Drop(c.User().Local())
		pass(time.Minute)
		require.Equal(t, xmpp.Online, c.State())
		require.Empty(t, contacts(c.Roster()))
		require.Equal(t, []string{"", ""}, asked.list())
	})
}

// What is still to be stored of one account's list when another one logs in is not taken from the other's.
func TestRosterOfTheNextAccount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		for _, user := range []string{"romeo", "juliet"} {
			c := online(t, srv, user)
			require.NoError(t, c.Roster().Add(t.Context(), srv.Address("friend-of-"+user), ""))
			require.NoError(t, c.Close())
		}
		store := xmpp.NewMemoryStore()
		c := offline(t, srv, "", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Address, cfg.Password, cfg.Store = jid.JID{}, "", store
			cfg.Domain = "localhost"
		})
		fails := errors.New("not yet")
		c.Use(xmpp.Extension{Name: "x", Required: true, Start: func(context.Context, *xmpp.Session) error {
			pass := time.NewTimer(time.Millisecond) // virtual: the list is there by then
			<-pass.C
			return fails
		}})
		for i := range 12 { // more often than the list is stored at once
			user := []string{"romeo", "juliet"}[i%2]
			require.ErrorIs(t, c.Login(t.Context(), user, xmpp.Secret(srv.Password(user))), fails)
		}
		fails = nil
		require.NoError(t, c.Login(t.Context(), "romeo", xmpp.Secret(srv.Password("romeo"))))
		pass(time.Minute)
		for user, other := range map[string]string{"romeo": "juliet", "juliet": "romeo"} {
			list, err := store.Get(t.Context(), user+"@localhost/roster")
			require.NoError(t, err)
			require.Contains(t, string(list), "friend-of-"+user)
			require.NotContains(t, string(list), "friend-of-"+other)
		}
	})
}

// An item may have very many groups, and each counts once.
func TestManyGroups(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		var groups strings.Builder
		for i := range 100 {
			fmt.Fprintf(&groups, "<group>g%d</group><group>g0</group>", i)
		}
		raw(srv, "romeo", "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='juliet@localhost'>"+groups.String()+"</item></query></iq>")
		settle()
		got, ok := c.Roster().Contact(juliet)
		require.True(t, ok)
		require.Len(t, got.Groups, 100)
		require.Equal(t, "g1", got.Groups[1])
	})
}

// Limits.RosterBytes: what would make the list larger is refused and reported, and what is not whole is not stored.
func TestRosterTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		answers := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "iq" && e.Attr("type") == "error" {
				answers.add(string(stanza.ErrorFrom(e.Child(stanza.NS, "error")).Condition))
			}
			return []stanza.Element{e}
		})
		store, reported := xmpp.NewMemoryStore(), new(record[error])
		small := func(cfg *xmpp.ConnectionConfiguration) { cfg.Store, cfg.Limits.RosterBytes = store, 700 }
		c := online(t, srv, "romeo", small, complaints(reported))
		for _, user := range []string{"a", "b", "c"} {
			require.NoError(t, c.Roster().Add(t.Context(), srv.Address(user), user))
		}
		settle()
		require.NoError(t, c.Close())
		whole, err := store.Get(t.Context(), "romeo@localhost/roster")
		require.NoError(t, err)
		require.Contains(t, string(whole), "c@localhost")
		require.Empty(t, answers.list())

		c = online(t, srv, "romeo", small, complaints(reported))
		settle()
		for i := range 8 {
			require.NoError(t, c.Roster().Rename(t.Context(), srv.Address("b"), fmt.Sprint(i)), "the last of which is to be stored when it is time")
			settle()
		}
		require.NoError(t, c.Roster().Add(t.Context(), srv.Address("d"), "d"))
		settle()
		require.Len(t, contacts(c.Roster()), 3)
		require.Equal(t, []string{"resource-constraint"}, answers.list())
		require.Len(t, reported.list(), 1)
		require.ErrorIs(t, reported.list()[0], xmpp.ErrRosterTooLarge)
		require.NoError(t, c.Roster().Remove(t.Context(), srv.Address("a")), "what makes it smaller is taken")
		require.NoError(t, c.Roster().Add(t.Context(), srv.Address("e"), "e"), "and there is room again")
		settle()
		require.Len(t, contacts(c.Roster()), 3)
		require.NoError(t, c.Close())
		after, err := store.Get(t.Context(), "romeo@localhost/roster")
		require.NoError(t, err)
		require.Contains(t, string(after), "a@localhost", "what is not whole is nothing to go on from")
		require.NotContains(t, string(after), "e@localhost")

		large := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store })
		settle()
		require.Len(t, contacts(large.Roster()), 4, "b, c, d, e")
		require.NoError(t, large.Close())

		// A list that comes as a whole, and is too large as that, leaves what was there.
		c = online(t, srv, "romeo", complaints(reported), func(cfg *xmpp.ConnectionConfiguration) { cfg.Limits.RosterBytes = 700 })
		require.Empty(t, contacts(c.Roster()))
		require.False(t, c.Roster().Loaded())
		require.ErrorIs(t, reported.list()[1], xmpp.ErrRosterTooLarge)
	})
}

// The roster survives a loss; the differences come as changes, and one "loaded".
func TestRosterAcrossSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c := online(t, srv, "romeo")
		for _, user := range []string{"a", "b", "c"} {
			require.NoError(t, c.Roster().Add(t.Context(), srv.Address(user), user))
		}
		settle()
		srv.Dialer().Refuse(1)
		srv.Drop("romeo")
		settle()
		require.Len(t, contacts(c.Roster()), 3, "as last known")
		srv.Dialer().Refuse(0)
		other := online(t, srv, "romeo")
		require.NoError(t, other.Roster().Remove(t.Context(), srv.Address("a")))
		require.NoError(t, other.Roster().Rename(t.Context(), srv.Address("b"), "B"))
		require.NoError(t, other.Roster().Add(t.Context(), srv.Address("d"), "d"))
		settle()
		seen := changes(c)
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		settle()
		require.ElementsMatch(t, []string{"removed a@localhost a", "changed b@localhost B", "added d@localhost d", "loaded"}, seen.list())
	})
}

func TestDisableRosterAndPresence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		seen := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			seen.add(e.Local())
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster, cfg.DisablePresence = true, true })
		settle()
		require.Empty(t, seen.list())
		require.False(t, c.Roster().Loaded())
		require.Nil(t, c.PresenceManager().Current())
		require.NoError(t, c.PresenceManager().Set(t.Context(), &stanza.Presence{}))
		settle()
		require.Equal(t, []string{"presence"}, seen.list())
	})
}

// A handler, which is the router, may edit the roster with any context.
func TestRosterIsEditedInsideAHandler(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Handle(xmpp.OnGet(func(context.Context, uptimeQuery, *stanza.IQ) (any, error) {
			return nil, c.Roster().Add(context.Background(), jid.MustParse("juliet@localhost"), "Juliet")
		}))
		require.NoError(t, c.Login(t.Context(), "", ""))
		juliet := online(t, srv, "juliet")
		began := time.Now()
		require.NoError(t, juliet.Get(t.Context(), c.User(), uptimeQuery{}, nil))
		require.LessOrEqual(t, time.Since(began), time.Second)
		settle()
		_, ok := c.Roster().Contact(jid.MustParse("juliet@localhost"))
		require.True(t, ok)
	})
}
