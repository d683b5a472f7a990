package xmpp

import (
	"context"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	defaultRosterBytes = 64 << 20
	contactBytes       = 200 // what a contact costs besides its texts

	// The list is stored as a whole: a few times at once, for who edits it, and then no more often than this.
	saveRosterEvery = 10 * time.Second
	saveRosterBurst = 4
)

// bytes is what a contact counts for; nothing, if there is none.
func (c Contact) bytes() int {
	if c.JID.IsZero() {
		return 0
	}
	n := contactBytes + len(c.JID.String()) + len(c.Name) + len(c.Subscription)
	for _, g := range c.Groups {
		n += len(g) + 16 // the string's own
	}
	return n
}

// limit is how large the list may get: a server that pushes without an end must not have all our memory.
func (r *Roster) limit() int {
	if n := r.c.cfg.Limits.RosterBytes; n > 0 {
		return n
	}
	return defaultRosterBytes
}

// rosterKey is where an account's roster and its version wait for the next login, as one value: they belong
// together.
func rosterKey(of jid.JID) string { return of.String() + "/roster" }

// version is that of the list in memory, if it is one to go on from.
func (r *Roster) version() (ver string, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ver, r.versions && !r.partial && r.of == r.c.User().Bare()
}

// restore reads what an earlier login left; what can't be read is as good as nothing.
func (r *Roster) restore(ctx context.Context) rosterQuery {
	data, err := r.c.Store().Get(ctx, rosterKey(r.c.User().Bare()))
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

// save has the roster written to the store, behind the router's back and not too often: a later change supersedes one
// that waits, and what a crash loses the server tells again, because version and contacts are one
// value. r.mu is held.
func (r *Roster) save() {
	if !r.versions || r.partial || r.due != nil {
		return
	}
	if r.saver == nil {
		r.saver = stream.NewLine(context.WithoutCancel(r.c.ctx))
	}
	saver := r.saver
	r.due = time.AfterFunc(time.Until(r.paced.Add(-saveRosterBurst*saveRosterEvery)), func() { saver.Add(stream.Job{Do: r.write}) })
}

// saveLast stores what is still to be stored when the connection closes, within ctx.
func (r *Roster) saveLast(ctx context.Context) {
	r.mu.Lock()
	saver := r.saver
	if r.due != nil {
		saver.Add(stream.Job{Do: r.write})
	}
	r.mu.Unlock()
	if saver != nil {
		saver.Idle(ctx)
	}
}

// write stores the roster as it is now, on the saver. Since it was due another account's may have taken its place.
func (r *Roster) write(ctx context.Context) {
	r.mu.Lock()
	if r.due == nil {
		r.mu.Unlock()
		return // it was stored meanwhile
	}
	r.due.Stop()
	r.due = nil
	if !r.versions || r.partial {
		r.mu.Unlock()
		return
	}
	key, store := rosterKey(r.of), r.home
	if now := time.Now(); r.paced.Before(now) {
		r.paced = now
	}
	r.paced = r.paced.Add(saveRosterEvery)
	q := rosterQuery{ver: r.ver, hasVer: true}
	for _, c := range r.contacts {
		q.items = append(q.items, rosterItem{Contact: c})
	}
	r.mu.Unlock()
	e, err := stanza.Marshal(q)
	if err == nil {
		err = store.Put(ctx, key, []byte(e.String()))
	}
	if err != nil {
		r.c.report(fmt.Errorf("roster: store: %w", err))
	}
}
