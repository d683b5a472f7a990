package xmpp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A Contact is one entry of the roster (RFC 6121 §2.1.2). It is a copy.
type Contact struct {
	JID          jid.JID
	Name         string
	Subscription Subscription
	Asked        bool // our subscription request waits for the contact's answer
	PreApproved  bool // we have approved a request in advance (RFC 6121 §3.4)
	Groups       []string
}

// Subscription is who sees whose presence (RFC 6121 §2.1.2.5). An unknown value is kept.
type Subscription string

// The subscription states.
const (
	SubscriptionNone Subscription = "none"
	SubscriptionTo   Subscription = "to"   // we see the contact's presence
	SubscriptionFrom Subscription = "from" // the contact sees ours
	SubscriptionBoth Subscription = "both"

	subscriptionRemove Subscription = "remove"
)

// A RosterChange is what happened to the roster.
type RosterChange struct {
	Kind    RosterChangeKind
	Contact Contact // as it is now, or was before it was removed; zero for RosterLoaded
}

// own is the change for one listener: what it does with the groups concerns nobody else.
func (c RosterChange) own() RosterChange {
	c.Contact.Groups = slices.Clone(c.Contact.Groups)
	return c
}

// RosterChangeKind tells changes apart.
type RosterChangeKind string

// The kinds of change. At the first login there is one RosterLoaded and nothing else; at later
// ones it comes with the differences, and before them where the server versions the roster and
// pushes them.
const (
	RosterLoaded  RosterChangeKind = "loaded"
	RosterAdded   RosterChangeKind = "added"
	RosterChanged RosterChangeKind = "changed"
	RosterRemoved RosterChangeKind = "removed"
)

// A Roster is the account's contact list as the server keeps it (RFC 6121 §2) and the presence of
// the contacts (§4). It is loaded at login and kept up to date; between sessions it stands as last
// known. Its methods may be called from anywhere; those with a context wait for the server's
// answer and have the errors of [Connection.Set].
type Roster struct {
	c        *Connection
	changes  Feed[RosterChange]
	presence Feed[Availability]
	requests Feed[SubscriptionRequest]

	mu       sync.RWMutex
	loaded   bool
	ver      string
	versions bool          // the server versions it
	saving   bool          // a save is queued
	saver    *stream.Line  // nil: there was nothing to save
	pushed   chan struct{} // closed by the next push; nil: nobody waits for one
	contacts map[jid.JID]Contact
	present  map[jid.JID]map[string]Availability // bare address, resource
	strange  int                                 // entries of present that are no contacts
	decide   func(context.Context, SubscriptionRequest) Decision
}

// Contacts is a snapshot of all contacts, ordered by address.
func (r *Roster) Contacts() iter.Seq[Contact] {
	r.mu.RLock()
	all := slices.SortedFunc(maps.Values(r.contacts), func(a, b Contact) int { return strings.Compare(a.JID.String(), b.JID.String()) })
	r.mu.RUnlock()
	return func(yield func(Contact) bool) {
		for _, c := range all {
			c.Groups = slices.Clone(c.Groups)
			if !yield(c) {
				return
			}
		}
	}
}

// Contact returns the entry of one address, resource or not.
func (r *Roster) Contact(of jid.JID) (Contact, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c, ok := r.contacts[of.Bare()]
	c.Groups = slices.Clone(c.Groups)
	return c, ok
}

// SeesUs tells whether an address may know that we are here and what we are: our own account and
// its server, contacts that see our presence (subscription from or both), and whoever this session
// has sent directed presence to.
func (r *Roster) SeesUs(who jid.JID) bool {
	self := r.c.User()
	if who.IsZero() || who.Bare() == self.Bare() || who.String() == self.Domain() {
		return true
	}
	if c, ok := r.Contact(who); ok && (c.Subscription == SubscriptionFrom || c.Subscription == SubscriptionBoth) {
		return true
	}
	return r.c.presence.directed(who)
}

// Loaded tells whether the server's roster has been seen.
func (r *Roster) Loaded() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.loaded
}

// OnChange hears of changes to the contact list, whoever made them. What is said at [Feed.On]
// holds.
func (r *Roster) OnChange(f func(ctx context.Context, change RosterChange)) (stop func()) {
	return r.changes.On(func(ctx context.Context, change RosterChange) { f(ctx, change.own()) })
}

// Changes is OnChange as a channel; an unread change of a contact is replaced by a newer one.
func (r *Roster) Changes(ctx context.Context) <-chan RosterChange {
	return feedChan(&r.changes, ctx, func(c RosterChange) (RosterChange, bool) { return c.own(), true }, func(c RosterChange) any { return c.Contact.JID })
}

// Add puts a contact on the list, or gives the one that is there this name and these groups (RFC
// 6121 §2.3). It asks for no subscription: see [Roster.Subscribe].
func (r *Roster) Add(ctx context.Context, contact jid.JID, name string, groups ...string) error {
	if contact.IsZero() {
		return &ConfigError{"contact", "it is empty"}
	}
	seen := make(map[string]bool)
	for _, g := range groups {
		if g == "" || seen[g] {
			return &ConfigError{"groups", "one is empty or stands twice"} // RFC 6121 §2.1.2.6
		}
		seen[g] = true
	}
	return r.set(ctx, rosterItem{Contact: Contact{JID: contact.Bare(), Name: name, Groups: groups}})
}

// Rename gives a contact another name and leaves its groups.
func (r *Roster) Rename(ctx context.Context, contact jid.JID, name string) error {
	have, ok := r.Contact(contact)
	if !ok {
		return fmt.Errorf("roster: %v: %w", contact.Bare(), stanza.ItemNotFound)
	}
	return r.Add(ctx, contact, name, have.Groups...)
}

// SetGroups puts a contact in exactly these groups and leaves its name.
func (r *Roster) SetGroups(ctx context.Context, contact jid.JID, groups ...string) error {
	have, ok := r.Contact(contact)
	if !ok {
		return fmt.Errorf("roster: %v: %w", contact.Bare(), stanza.ItemNotFound)
	}
	return r.Add(ctx, contact, have.Name, groups...)
}

// Remove takes a contact off the list and ends the subscriptions in both directions (RFC 6121
// §2.5).
func (r *Roster) Remove(ctx context.Context, contact jid.JID) error {
	if contact.IsZero() {
		return &ConfigError{"contact", "it is empty"}
	}
	return r.set(ctx, rosterItem{Contact: Contact{JID: contact.Bare(), Subscription: subscriptionRemove}})
}

func (r *Roster) set(ctx context.Context, item rosterItem) error {
	if err := r.c.Set(ctx, jid.JID{}, rosterQuery{items: []rosterItem{item}}, nil); err != nil {
		return err
	}
	// The push comes before the answer or behind it (RFC 6121 §2.1.6 leaves it open); once the router
	// is past it the list shows it, and an edit that follows sees this one. A router that waits for
	// us, in a handler, isn't waited for, and a server that keeps something else only for a second.
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r.c.passed(limited)
	if r.c.router.Runs(ctx) {
		return nil
	}
	for {
		r.mu.Lock()
		if r.pushed == nil {
			r.pushed = make(chan struct{})
		}
		next := r.pushed
		shown := r.shows(item.Contact)
		r.mu.Unlock()
		if shown {
			return nil
		}
		select {
		case <-next:
		case <-limited.Done():
			return nil
		case <-r.c.done.C():
			return nil
		}
	}
}

// shows tells whether the list is as an edit wanted it. r.mu is held.
func (r *Roster) shows(want Contact) bool {
	have, ok := r.contacts[want.JID]
	if want.Subscription == subscriptionRemove || !ok {
		return !ok && want.Subscription == subscriptionRemove
	}
	a, b := slices.Sorted(slices.Values(have.Groups)), slices.Sorted(slices.Values(want.Groups))
	return have.Name == want.Name && slices.Equal(a, b)
}

// load fetches the roster, or only what changed where the server versions it.
func (r *Roster) load(ctx context.Context, versions bool) error {
	var q rosterQuery
	var cached rosterQuery
	if versions {
		cached = r.restore(ctx)
		q.ver, q.hasVer = cached.ver, true
	}
	iq := &stanza.IQ{Type: stanza.IQGet}
	stanza.Add(iq, q)
	_, err := r.c.request(ctx, iq, func(reply *stanza.IQ) {
		list, err := stanza.Payload[rosterQuery](reply)
		switch {
		case errors.Is(err, stanza.ErrAbsent):
			list = cached // nothing but the pushes that follow (RFC 6121 §2.6.3)
		case err != nil:
			r.c.report(fmt.Errorf("roster: %w", err))
			return
		}
		for _, err := range list.bad {
			r.c.report(fmt.Errorf("roster: %w", err))
		}
		r.replace(list, versions)
	})
	return err
}

// replace makes list the roster, on the router.
func (r *Roster) replace(list rosterQuery, versions bool) {
	r.mu.Lock()
	old, first := r.contacts, !r.loaded
	r.contacts = nil
	if len(list.items) > 0 {
		r.contacts = make(map[jid.JID]Contact, len(list.items))
	}
	r.loaded, r.versions, r.ver = true, versions && list.hasVer, strings.Clone(list.ver)
	var changes []RosterChange
	for _, item := range list.items {
		c := item.own()
		before, known := old[c.JID]
		r.contacts[c.JID] = c
		switch {
		case first:
		case !known:
			changes = append(changes, RosterChange{RosterAdded, c})
		case !before.equal(c):
			changes = append(changes, RosterChange{RosterChanged, c})
		}
	}
	for j, c := range old {
		if _, still := r.contacts[j]; !still {
			changes = append(changes, RosterChange{RosterRemoved, c})
		}
	}
	r.changed()
	r.mu.Unlock()
	for _, ch := range append(changes, RosterChange{Kind: RosterLoaded}) {
		r.changes.Emit(context.Background(), ch)
	}
}

// changed takes note of a change. r.mu is held.
func (r *Roster) changed() {
	if r.pushed != nil {
		close(r.pushed)
		r.pushed = nil
	}
	r.recount()
	r.save()
}

// push takes a roster push (RFC 6121 §2.1.6), on the router. Only our own account may send one.
func (r *Roster) push(ctx context.Context, q rosterQuery, iq *stanza.IQ) (any, error) {
	if !r.c.fromAccount(iq.From) {
		r.c.report(fmt.Errorf("roster push from %v: forged", iq.From))
		return nil, stanza.ServiceUnavailable
	}
	if len(q.items) != 1 {
		return nil, stanza.BadRequest
	}
	item := q.items[0].own()
	change := RosterChange{RosterChanged, item}
	r.mu.Lock()
	before, known := r.contacts[item.JID]
	switch {
	case item.Subscription == subscriptionRemove && !known:
		change.Kind = ""
	case item.Subscription == subscriptionRemove:
		delete(r.contacts, item.JID)
		change = RosterChange{RosterRemoved, before}
	default:
		if r.contacts == nil {
			r.contacts = make(map[jid.JID]Contact)
		}
		r.contacts[item.JID] = item
		if !known {
			change.Kind = RosterAdded
		}
	}
	if q.hasVer {
		r.ver = strings.Clone(q.ver)
	}
	r.changed()
	r.mu.Unlock()
	if change.Kind != "" {
		r.changes.Emit(ctx, change)
	}
	return nil, nil
}

func (c Contact) equal(d Contact) bool {
	return c.Name == d.Name && c.Subscription == d.Subscription && c.Asked == d.Asked && c.PreApproved == d.PreApproved && slices.Equal(c.Groups, d.Groups)
}

// storeKey is where the roster and its version wait for the next login, as one value: they belong
// together.
func (r *Roster) storeKey() string { return r.c.User().Bare().String() + "/roster" }

// restore reads what an earlier login left; what can't be read is as good as nothing.
func (r *Roster) restore(ctx context.Context) rosterQuery {
	data, err := r.c.cfg.Store.Get(ctx, r.storeKey())
	if err != nil {
		r.c.report(fmt.Errorf("roster: store: %w", err))
	}
	if len(data) == 0 {
		return rosterQuery{}
	}
	e, err := stanza.Parse(string(data))
	if err != nil {
		return rosterQuery{}
	}
	q, err := stanza.Decode[rosterQuery](e)
	if err != nil || len(q.bad) > 0 {
		return rosterQuery{}
	}
	return q
}

// save writes the roster to the store, behind the router's back: a later change supersedes one
// that waits, and what a crash loses the server tells again, because version and contacts are one
// value. r.mu is held.
func (r *Roster) save() {
	if !r.versions || r.saving {
		return
	}
	r.saving = true
	if r.saver == nil {
		r.saver = stream.NewLine(context.WithoutCancel(r.c.ctx))
	}
	key := r.storeKey()
	r.saver.Add(stream.Job{Do: func(ctx context.Context) {
		r.mu.Lock()
		r.saving = false
		q := rosterQuery{ver: r.ver, hasVer: true}
		for _, c := range r.contacts {
			q.items = append(q.items, rosterItem{Contact: c})
		}
		r.mu.Unlock()
		e, err := stanza.Marshal(q)
		if err == nil {
			err = r.c.cfg.Store.Put(ctx, key, []byte(e.String()))
		}
		if err != nil {
			r.c.report(fmt.Errorf("roster: store: %w", err))
		}
	}})
}
