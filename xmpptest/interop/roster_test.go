package interop_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Editing the list, seen from a second resource by callback and by channel.
func rosterEditing(w *world) {
	one := w.online(w.user(), as("one"))
	two := w.connection(one.User().Bare(), as("two"))
	changes, calls := two.Roster().Changes(w.ctx), make(chan xmpp.RosterChange, 100)
	two.Roster().OnChange(func(_ context.Context, c xmpp.RosterChange) { calls <- c })
	require.NoError(w, two.Login(w.ctx, "", ""))
	loaded := func(c xmpp.RosterChange) bool { return c.Kind == xmpp.RosterLoaded }
	until(w, "loaded", changes, loaded)
	until(w, "loaded", calls, loaded)
	require.True(w, two.Roster().Loaded())

	contact := jid.MustParse("nurse@" + domain)
	expect := func(kind xmpp.RosterChangeKind, name string, groups ...string) {
		w.Helper()
		for _, c := range []<-chan xmpp.RosterChange{changes, calls} {
			got := next(w, string(kind), c)
			slices.Sort(got.Contact.Groups)
			require.Equal(w, xmpp.RosterChange{Kind: kind,
				Contact: xmpp.Contact{JID: contact, Name: name, Subscription: xmpp.SubscriptionNone, Groups: groups}}, got)
		}
		have, ok := two.Roster().Contact(contact)
		require.Equal(w, kind != xmpp.RosterRemoved, ok)
		if ok {
			require.Equal(w, name, have.Name)
		}
	}
	r := one.Roster()
	require.NoError(w, r.Add(w.ctx, contact, "The Nurse", "Household", "Friends & <foes> ☃"))
	expect(xmpp.RosterAdded, "The Nurse", "Friends & <foes> ☃", "Household")
	require.NoError(w, r.Rename(w.ctx, contact, "“Angelica” <ʘ‿ʘ>"))
	expect(xmpp.RosterChanged, "“Angelica” <ʘ‿ʘ>", "Friends & <foes> ☃", "Household")
	require.NoError(w, r.SetGroups(w.ctx, contact, "Others"))
	expect(xmpp.RosterChanged, "“Angelica” <ʘ‿ʘ>", "Others")
	require.NoError(w, r.SetGroups(w.ctx, contact))
	expect(xmpp.RosterChanged, "“Angelica” <ʘ‿ʘ>")
	require.NoError(w, r.Remove(w.ctx, contact))
	expect(xmpp.RosterRemoved, "“Angelica” <ʘ‿ʘ>")
	require.Empty(w, slices.Collect(two.Roster().Contacts()))

	require.ErrorIs(w, r.Rename(w.ctx, contact, "x"), stanza.ItemNotFound)
	require.ErrorIs(w, r.SetGroups(w.ctx, contact, "x"), stanza.ItemNotFound)
	err := r.Remove(w.ctx, contact)
	require.Equal(w, w.notFound, err != nil, "the server's own word: %v", err)
	if err != nil {
		require.ErrorIs(w, err, stanza.ItemNotFound)
	}
}

// await polls for what has no event of its own.
func await(w *world, what string, f func() bool) {
	w.Helper()
	require.True(w, eventually(w, f), what)
}

// eventually looks whether f comes to hold.
func eventually(w *world, f func() bool) bool {
	end, tick := time.After(waitLimit), time.NewTicker(pollEvery)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-end:
			return false
		case <-w.ctx.Done():
			return false
		}
	}
	return true
}

// A login with a version that the server knows gets no items; what changed meanwhile is there all the same.
func rosterVersions(w *world) {
	user, store := w.user(), xmpp.NewMemoryStore()
	contacts := []jid.JID{jid.MustParse("a@" + domain), jid.MustParse("b@" + domain), jid.MustParse("c@" + domain)}
	first := w.online(user, kept(store))
	for _, c := range contacts[:2] {
		require.NoError(w, first.Roster().Add(w.ctx, c, "Name of "+c.Local(), "Group"))
	}
	key := user.String() + "/roster"
	stored := func(name string) func() bool {
		return func() bool {
			v, err := store.Get(w.ctx, key)
			return err == nil && strings.Contains(string(v), name)
		}
	}
	require.NoError(w, first.Shutdown(w.ctx)) // which stores what is still to be stored
	require.True(w, stored("Name of b")())

	var l tape
	second := w.online(user, kept(store), l.listening())
	_, asked := l.find(true, "jabber:iq:roster", "ver=")
	require.True(w, asked, "asked without a version")
	require.Empty(w, l.all(false, "jabber:iq:roster", "<item"), "the server sent what we had")
	have := slices.Collect(second.Roster().Contacts())
	require.Len(w, have, 2)
	require.Equal(w, xmpp.Contact{JID: contacts[0], Name: "Name of a", Subscription: xmpp.SubscriptionNone, Groups: []string{"Group"}}, have[0])
	require.NoError(w, second.Shutdown(w.ctx))

	// Somebody else edits the list while we are away.
	other := w.online(user)
	require.NoError(w, other.Roster().Add(w.ctx, contacts[2], "Name of c"))
	require.NoError(w, other.Roster().Remove(w.ctx, contacts[0]))
	require.NoError(w, other.Shutdown(w.ctx))
	third := w.online(user, kept(store))
	await(w, "the changed list", func() bool {
		var names []string
		for c := range third.Roster().Contacts() {
			names = append(names, c.JID.Local())
		}
		return slices.Equal(names, []string{"b", "c"})
	})
	await(w, "the stored roster", stored("Name of c"))
}
