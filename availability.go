package xmpp

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Availability is the last presence of one resource, without its payloads.
type Availability struct {
	Address   jid.JID // full
	Available bool
	Show      stanza.Show
	Status    string
	Priority  int8
}

// The bounds on presence that is kept: peers choose addresses and resources.
const (
	maxResources = 64   // of one address
	maxStatus    = 4096 // bytes of a contact's status; a stranger's is not kept
	maxShow      = 32   // bytes of an unknown show; a longer one is as if it weren't there
)

// Presence returns the last presence of a full address that is available.
func (r *Roster) Presence(of jid.JID) (Availability, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p := r.present[of.Bare()]; p != nil {
		if at, ok := p.find(of.Resource()); ok {
			return p.read(at, of), true
		}
	}
	return Availability{}, false
}

// Presences is a snapshot of a contact's available resources, the best first.
func (r *Roster) Presences(of jid.JID) iter.Seq[Availability] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p := r.present[of.Bare()]
	if p == nil {
		return func(func(Availability) bool) {}
	}
	var all []Availability
	for at := range p.all() {
		all = append(all, p.read(at, p.address(at)))
	}
	slices.SortFunc(all, better)
	return slices.Values(all)
}

// Best returns the presence of a contact's best resource: that of the highest priority, and among
// equals the most available one.
func (r *Roster) Best(of jid.JID) (Availability, bool) {
	for a := range r.Presences(of) {
		return a, true
	}
	return Availability{}, false
}

// Available tells whether the contact has an available resource.
func (r *Roster) Available(of jid.JID) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.present[of.Bare()] != nil
}

// showRank orders by how available somebody is; zero, like available itself, is what we don't know.
var showRank = map[stanza.Show]int{stanza.ShowChat: -1, stanza.ShowAway: 1, stanza.ShowXA: 2, stanza.ShowDND: 3}

func better(a, b Availability) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(showRank[a.Show], showRank[b.Show]), strings.Compare(a.Address.String(), b.Address.String()))
}

// OnPresence hears of every change of a resource's availability, contacts' and others', of at most 64 resources of an address. Of others only so much is kept
// (Limits.StrangersBytes): who has to make room is told as unavailable. What is said at [Feed.On] holds.
func (r *Roster) OnPresence(f func(ctx context.Context, a Availability)) (stop func()) {
	return r.presence.On(f)
}

// PresenceChanges is OnPresence as a channel; an unread change of a resource is replaced by a
// newer one.
func (r *Roster) PresenceChanges(ctx context.Context) <-chan Availability {
	return feedChan(&r.presence, ctx, func(a Availability) (Availability, bool) { return a, true }, func(a Availability) any { return a.Address })
}

// routePresence keeps track of who is there, on the router.
func (r *Roster) routePresence(ctx context.Context, p *stanza.Presence) {
	switch p.Type {
	case stanza.PresenceAvailable, stanza.PresenceUnavailable:
		if p.From.IsZero() || p.From == r.c.User() {
			return
		}
		heard := r.presence.listened()
		a, changed, gone := r.track(p, heard)
		if !heard {
			return
		}
		if changed {
			r.presence.routed(ctx, a)
		}
		for _, a := range gone {
			r.presence.routed(ctx, a)
		}
	case stanza.PresenceSubscribe:
		r.requested(ctx, p)
	}
}

// track takes note of a presence and returns what changed by it, the status as a copy if that is told, and who is gone with it.
func (r *Roster) track(p *stanza.Presence, told bool) (a Availability, changed bool, gone []Availability) {
	bare, resource := p.From.Bare(), p.From.Resource()
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Type == stanza.PresenceUnavailable {
		return a, false, r.gone(p.From, strings.Clone(p.Status))
	}
	known := r.known(bare)
	of := r.present[bare]
	a = Availability{p.From, true, ownShow(p.Show), p.Status, p.Priority}
	var at spot
	there, was := false, 0
	if of != nil {
		if at, there = of.find(resource); there {
			before := of.read(at, p.From)
			if kept := keep(a, known); before == kept && kept.Status == a.Status {
				return a, false, nil
			}
			was = before.bytes()
		} else if of.count() >= maxResources {
			return a, false, nil
		}
	}
	if known || told {
		a.Status = strings.Clone(a.Status) // not the whole stanza's memory
	}
	kept := keep(a, known)
	if known && !r.fit(&kept, was) && !there {
		return a, true, nil // told, not kept
	}
	if of == nil {
		of = &presences{bare: bare.Clone()}
		if r.present == nil {
			r.present = make(map[jid.JID]*presences)
		}
		r.present[of.bare] = of
		if !known {
			r.strangers.add(of)
		}
		r.strangers.grow(of, addressBytes+len(bare.String()))
	}
	if there {
		of.write(at, kept)
	} else {
		of.add(kept)
	}
	r.strangers.grow(of, kept.bytes()-was)
	return a, true, r.makeRoom()
}

// known tells whether an address is a contact's or ours. r.mu is held.
func (r *Roster) known(bare jid.JID) bool {
	_, contact := r.contacts[bare]
	return contact || bare == r.c.User().Bare()
}

// ownShow is a copy, which the usual ones don't need.
func ownShow(s stanza.Show) stanza.Show {
	for _, usual := range usualShows {
		if s == usual {
			return usual
		}
	}
	return stanza.Show(strings.Clone(string(s)))
}

// keep is what of an availability is worth its memory: peers choose the status, strangers among them.
func keep(a Availability, known bool) Availability {
	if !known {
		a.Status = ""
	} else if len(a.Status) > maxStatus {
		a.Status = strings.Clone(strings.ToValidUTF8(a.Status[:maxStatus], ""))
	}
	if len(a.Show) > maxShow {
		a.Show = "" // not a slice of it, which would keep its memory
	}
	return a
}

// gone takes a resource, or of a bare address all of them, off. r.mu is held.
func (r *Roster) gone(from jid.JID, status string) (changes []Availability) {
	of := r.present[from.Bare()]
	switch {
	case of == nil:
		return nil
	case from.IsFull():
		at, ok := of.find(from.Resource())
		if !ok {
			return nil
		}
		before := of.read(at, from)
		r.strangers.grow(of, -before.bytes())
		of.remove(at)
		changes = []Availability{{Address: from, Status: status}}
	default:
		for at := range of.all() {
			changes = append(changes, Availability{Address: of.address(at), Status: status})
		}
		of.cards = nil
	}
	if len(of.cards) == 0 {
		delete(r.present, of.bare)
		r.strangers.forget(of)
	}
	return changes
}

// forgetPresence makes everyone unavailable, because a new session knows nobody's presence yet.
func (r *Roster) forgetPresence() {
	r.mu.Lock()
	var changes []Availability
	for _, bare := range slices.Collect(maps.Keys(r.present)) {
		changes = append(changes, r.gone(bare, "")...)
	}
	r.mu.Unlock()
	for _, a := range changes {
		r.presence.Emit(context.Background(), a)
	}
}
