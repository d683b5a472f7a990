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
		if i := p.find(of.Resource()); i >= 0 {
			return p.of[i], true
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
	return slices.Values(slices.SortedFunc(slices.Values(p.of), better))
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
		return a, false, r.gone(bare, resource, strings.Clone(p.Status))
	}
	known := r.known(bare)
	at := r.present[bare]
	a = Availability{p.From, true, ownShow(p.Show), p.Status, p.Priority}
	i := -1
	if at != nil {
		if i = at.find(resource); i >= 0 {
			if kept := keep(a, known); at.of[i] == kept && kept.Status == a.Status {
				return a, false, nil
			}
		} else if len(at.of) >= maxResources {
			return a, false, nil
		}
	}
	if known || told {
		a.Status = strings.Clone(a.Status) // not the whole stanza's memory
	}
	kept := keep(a, known)
	was := 0
	if i >= 0 {
		was = at.of[i].bytes()
	}
	if known && !r.fit(&kept, was) && i < 0 {
		return a, true, nil // told, not kept
	}
	if i >= 0 {
		at.of[i] = kept
		r.strangers.grow(at, kept.bytes()-was)
		return a, true, r.makeRoom()
	}
	if at == nil {
		at = &presences{bare: bare}
		if r.present == nil {
			r.present = make(map[jid.JID]*presences)
		}
		r.present[bare] = at
		if !known {
			r.strangers.add(at)
		}
		r.strangers.grow(at, addressBytes+len(bare.String()))
	}
	at.of = append(at.of, kept)
	r.strangers.grow(at, kept.bytes())
	return a, true, r.makeRoom()
}

// known tells whether an address is a contact's or ours. r.mu is held.
func (r *Roster) known(bare jid.JID) bool {
	_, contact := r.contacts[bare]
	return contact || bare == r.c.User().Bare()
}

// ownShow is a copy, which the usual ones don't need.
func ownShow(s stanza.Show) stanza.Show {
	for _, usual := range [...]stanza.Show{stanza.ShowAvailable, stanza.ShowAway, stanza.ShowChat, stanza.ShowDND, stanza.ShowXA} {
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

// gone takes a resource, or with none all of them, off. r.mu is held.
func (r *Roster) gone(bare jid.JID, resource, status string) (changes []Availability) {
	at := r.present[bare]
	if at == nil {
		return nil
	}
	at.of = slices.DeleteFunc(at.of, func(a Availability) bool {
		off := resource == "" || a.Address.Resource() == resource
		if off {
			changes = append(changes, Availability{Address: a.Address, Status: status})
			r.strangers.grow(at, -a.bytes())
		}
		return off
	})
	if len(at.of) == 0 {
		delete(r.present, bare)
		r.strangers.forget(at)
	}
	return changes
}

// forgetPresence makes everyone unavailable, because a new session knows nobody's presence yet.
func (r *Roster) forgetPresence() {
	r.mu.Lock()
	var changes []Availability
	for _, bare := range slices.Collect(maps.Keys(r.present)) {
		changes = append(changes, r.gone(bare, "", "")...)
	}
	r.mu.Unlock()
	for _, a := range changes {
		r.presence.Emit(context.Background(), a)
	}
}
