package mam

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gosmack/xmpp"
)

// A voucher tells, beyond the process, that the archive could be relied on in the last session. On it
// the server throws away its offline messages, so each is good for one session: that spends it, and
// issues a new one as soon as it has checked the archive. An archive that is switched off is then
// relied on once at most, even by processes that never live to find out.
type voucher struct {
	s *catchUp

	mu    sync.Mutex // guards what follows; held while the store works
	read  bool       // the store was asked
	good  bool
	stale bool // the store has one all the same, or rubbish
}

func (v *voucher) key() string { return v.s.a.conn.User().Bare().String() + "/mam/checked" }

// valid tells whether there is one. One that can't be read is none.
func (v *voucher) valid(ctx context.Context) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.read {
		return v.good
	}
	data, err := v.s.a.conn.Store().Get(ctx, v.key())
	if err != nil {
		v.s.a.conn.Report(fmt.Errorf("mam: store: %w", err))
	}
	v.stale = errors.Is(err, xmpp.ErrStoreDamaged)
	v.read = err == nil || v.stale
	v.good = err == nil && len(data) > 0
	return v.good
}

// spend takes it away.
func (v *voucher) spend(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.read && !v.good && !v.stale {
		return nil
	}
	err := v.s.a.conn.Store().Delete(ctx, v.key())
	v.read, v.good, v.stale = true, false, err != nil
	if err != nil {
		return fmt.Errorf("mam: store: %w", err)
	}
	return nil
}

// renew issues one.
func (v *voucher) renew(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.read && v.good {
		return nil
	}
	if err := v.s.a.conn.Store().Put(ctx, v.key(), []byte("1")); err != nil {
		return fmt.Errorf("mam: store: %w", err)
	}
	v.read, v.good, v.stale = true, true, false
	return nil
}
