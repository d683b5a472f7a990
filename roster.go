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

	mu        sync.RWMutex
	loaded    bool
	ver       string
	of        jid.JID       // whose it is
	home      Store         // where that is kept
	versions  bool          // the server versions it
	partial   bool          // something of it was refused, so it is nothing to go on from
	bytes     int           // see contactBytes
	saver     *stream.Line  // nil: there was nothing to save
	due       *time.Timer   // of the next save; nil: there is nothing to save
	paced     time.Time     // until then all saves so far would have taken, one each saveRosterEvery
	pushed    chan struct{} // closed by the next push; nil: nobody waits for one
	contacts  map[jid.JID]Contact
	present   map[jid.JID]*presences // by bare address; none is empty
	strangers strangers              // those of present that are no contacts
	decide    func(context.Context, SubscriptionRequest) Decision
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
	var q, cached rosterQuery
	ver, known := r.version()
	if versions {
		if !known {
			cached = r.restore(ctx)
			ver = cached.ver
		}
		q.ver, q.hasVer = ver, true
	}
	iq := &stanza.IQ{Type: stanza.IQGet}
	stanza.Add(iq, q)
	_, err := r.c.request(ctx, iq, func(reply *stanza.IQ) {
		list, err := stanza.Payload[rosterQuery](reply)
		switch {
		case errors.Is(err, stanza.ErrAbsent) && versions && known:
			r.changes.Emit(context.Background(), RosterChange{Kind: RosterLoaded})
			return
		case errors.Is(err, stanza.ErrAbsent):
			list = cached // and nothing but the pushes that follow (RFC 6121 §2.6.3)
		case err != nil:
			r.c.report(fmt.Errorf("roster: %w", err))
			return
		}
		for _, err := range list.bad {
			r.c.report(fmt.Errorf("roster: %w", err))
		}
		if err := r.replace(list, versions); err != nil {
			r.c.report(err)
		}
	})
	return err
}

// replace makes list the roster, on the router.
func (r *Roster) replace(list rosterQuery, versions bool) error {
	bytes, contacts := 0, map[jid.JID]Contact(nil)
	if len(list.items) > 0 {
		contacts = make(map[jid.JID]Contact, len(list.items))
	}
	for _, item := range list.items {
		c := item.own()
		bytes += c.bytes() - contacts[c.JID].bytes()
		contacts[c.JID] = c
	}
	r.mu.Lock()
	if bytes > r.limit() {
		r.partial = true
		r.mu.Unlock()
		return fmt.Errorf("%w: %d contacts have %d bytes", ErrRosterTooLarge, len(contacts), bytes)
	}
	old, first := r.contacts, !r.loaded
	r.contacts, r.bytes, r.partial = contacts, bytes, false
	r.loaded, r.versions, r.ver = true, versions && list.hasVer, strings.Clone(list.ver)
	r.of, r.home = r.c.User().Bare(), r.c.Store()
	var changes []RosterChange
	for _, item := range list.items {
		c := contacts[item.JID]
		switch before, known := old[c.JID]; {
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
	for bare := range r.present {
		r.judge(bare)
	}
	gone := r.makeRoom()
	r.changed()
	r.mu.Unlock()
	for _, ch := range append(changes, RosterChange{Kind: RosterLoaded}) {
		r.changes.Emit(context.Background(), ch)
	}
	r.emit(context.Background(), gone)
	return nil
}

func (r *Roster) emit(ctx context.Context, all []Availability) {
	for _, a := range all {
		r.presence.Emit(ctx, a)
	}
}

// changed tells who waits for a push that there was one, and sees to it that the list is stored. r.mu is held.
func (r *Roster) changed() {
	if r.pushed != nil {
		close(r.pushed)
		r.pushed = nil
	}
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
	change, gone, err := r.apply(q.items[0].own(), q)
	if err != nil {
		r.c.report(err)
		return nil, &stanza.Error{Type: stanza.ErrorWait, Condition: stanza.ResourceConstraint}
	}
	if change.Kind != "" {
		r.changes.Emit(ctx, change)
	}
	r.emit(ctx, gone)
	return nil, nil
}

// apply makes what a push says true.
func (r *Roster) apply(item Contact, q rosterQuery) (change RosterChange, gone []Availability, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, known := r.contacts[item.JID]
	removed := item.Subscription == subscriptionRemove
	grown := -before.bytes()
	if !removed {
		grown += item.bytes()
	}
	if grown > 0 && r.bytes+grown > r.limit() {
		r.partial = true
		return change, nil, fmt.Errorf("%w: there is no room for %v", ErrRosterTooLarge, item.JID)
	}
	r.bytes += grown
	switch {
	case removed && !known:
	case removed:
		delete(r.contacts, item.JID)
		change = RosterChange{RosterRemoved, before}
	case known:
		r.contacts[item.JID] = item
		change = RosterChange{RosterChanged, item}
	default:
		if r.contacts == nil {
			r.contacts = make(map[jid.JID]Contact)
		}
		r.contacts[item.JID] = item
		change = RosterChange{RosterAdded, item}
	}
	if q.hasVer {
		r.ver = strings.Clone(q.ver)
	}
	r.judge(item.JID)
	gone = r.makeRoom()
	r.changed()
	return change, gone, nil
}

func (c Contact) equal(d Contact) bool {
	return c.Name == d.Name && c.Subscription == d.Subscription && c.Asked == d.Asked && c.PreApproved == d.PreApproved && slices.Equal(c.Groups, d.Groups)
}
