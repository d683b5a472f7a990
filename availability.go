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
	maxStrangers = 1000 // addresses that are not on the roster
	maxStatus    = 4096 // bytes of a contact's status; a stranger's is not kept
	maxShow      = 32   // bytes of an unknown show; a longer one is as if it weren't there
)

// Presence returns the last presence of a full address that is available.
func (r *Roster) Presence(of jid.JID) (Availability, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	a, ok := r.present[of.Bare()][of.Resource()]
	return a, ok
}

// Presences is a snapshot of a contact's available resources, the best first.
func (r *Roster) Presences(of jid.JID) iter.Seq[Availability] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Values(slices.SortedFunc(maps.Values(r.present[of.Bare()]), better))
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
	return len(r.present[of.Bare()]) > 0
}

// showRank orders by how available somebody is; zero, like available itself, is what we don't know.
var showRank = map[stanza.Show]int{stanza.ShowChat: -1, stanza.ShowAway: 1, stanza.ShowXA: 2, stanza.ShowDND: 3}

func better(a, b Availability) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(showRank[a.Show], showRank[b.Show]), strings.Compare(a.Address.String(), b.Address.String()))
}

// OnPresence hears of every change of a resource's availability, contacts' and others'. What is
// said at [Feed.On] holds.
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
		for _, a := range r.track(p) {
			r.presence.routed(ctx, a)
		}
	case stanza.PresenceSubscribe:
		r.requested(ctx, p)
	}
}

// track takes note of a presence and returns what changed.
func (r *Roster) track(p *stanza.Presence) []Availability {
	bare, resource := p.From.Bare(), p.From.Resource()
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.present[bare]
	if p.Type == stanza.PresenceUnavailable {
		return r.gone(bare, resource, strings.Clone(p.Status))
	}
	_, contact := r.contacts[bare]
	known := contact || bare == r.c.User().Bare()
	a := Availability{p.From, true, p.Show, p.Status, p.Priority}
	before, there := of[resource]
	if kept := keep(a, known); there && before == kept && kept.Status == a.Status {
		return nil
	}
	a.Show, a.Status = stanza.Show(strings.Clone(string(a.Show))), strings.Clone(a.Status) // not the whole stanza's memory
	if !there && len(of) >= maxResources {
		return nil
	}
	if of == nil {
		if !known {
			if r.strange >= maxStrangers {
				return []Availability{a} // told, not kept
			}
			r.strange++
		}
		of = make(map[string]Availability)
		if r.present == nil {
			r.present = make(map[jid.JID]map[string]Availability)
		}
		r.present[bare] = of
	}
	of[a.Address.Resource()] = keep(a, known)
	return []Availability{a}
}

// keep is what of an availability is worth its memory: peers choose the status, strangers among them.
func keep(a Availability, known bool) Availability {
	if !known {
		a.Status = ""
	} else if len(a.Status) > maxStatus {
		a.Status = strings.Clone(strings.ToValidUTF8(a.Status[:maxStatus], ""))
	}
	if len(a.Show) > maxShow {
		a.Show = a.Show[:0]
	}
	return a
}

// gone takes a resource, or with none all of them, off. r.mu is held.
func (r *Roster) gone(bare jid.JID, resource, status string) (changes []Availability) {
	of := r.present[bare]
	for res, a := range of {
		if resource == "" || res == resource {
			delete(of, res)
			changes = append(changes, Availability{Address: a.Address, Status: status})
		}
	}
	if of != nil && len(of) == 0 {
		delete(r.present, bare)
		if _, contact := r.contacts[bare]; !contact && bare != r.c.User().Bare() && r.strange > 0 {
			r.strange--
		}
	}
	return changes
}

// recount counts the strangers anew after the contacts have changed. r.mu is held.
func (r *Roster) recount() {
	r.strange = 0
	if len(r.present) == 0 {
		return
	}
	self := r.c.User().Bare()
	for j := range r.present {
		if _, contact := r.contacts[j]; !contact && j != self {
			r.strange++
		}
	}
}

// forgetPresence makes everyone unavailable, because a new session knows nobody's presence yet.
func (r *Roster) forgetPresence() {
	r.mu.Lock()
	var changes []Availability
	for _, bare := range slices.Collect(maps.Keys(r.present)) {
		changes = append(changes, r.gone(bare, "", "")...)
	}
	r.strange = 0
	r.mu.Unlock()
	for _, a := range changes {
		r.presence.Emit(context.Background(), a)
	}
}
