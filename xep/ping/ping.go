package ping

import (
	"context"
	"errors"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Ping asks to for a sign of life and returns how long it took to come. The
// zero address is our own server. It blocks until then, may be called from any
// goroutine and any handler, and has the errors of [xmpp.Connection.Get]; while
// the connection is lost it waits for it, which counts.
//
// A server or service that doesn't know pings says so with service-unavailable
// (XEP-0199 §4.2), and with that it has answered. From a client that condition
// is an error here: it may just as well come from the client's server and mean
// that the client isn't there (§7).
func Ping(ctx context.Context, conn *xmpp.Connection, to jid.JID) (time.Duration, error) {
	began := time.Now()
	err := conn.Get(ctx, to, ping{}, nil)
	took := time.Since(began)
	if err == nil || answersForItself(conn, to) && unknown(err) {
		return took, nil
	}
	return 0, err
}

// answersForItself tells whether an answer can only come from to itself: a
// server or service, or our own account, for which our server speaks.
func answersForItself(conn *xmpp.Connection, to jid.JID) bool {
	return to.Local() == "" && to.IsBare() || to.IsZero() || to == conn.User().Bare()
}

// unknown tells whether err is how an entity refuses what it doesn't know. With
// a type other than cancel, service-unavailable is how a server speaks of a
// service that is down.
func unknown(err error) bool {
	var refused *stanza.Error
	return errors.As(err, &refused) && refused.Type == stanza.ErrorCancel &&
		(refused.Condition == stanza.ServiceUnavailable || refused.Condition == stanza.FeatureNotImplemented)
}
