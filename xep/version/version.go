package version

import (
	"context"
	"path"
	"runtime/debug"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Options say what is answered, and to whom.
type Options struct {
	// Name of the software; empty: that of the program's main package.
	Name string
	// Version of the software; empty: that of the program's main module, or
	// "unknown".
	Version string
	// OS is the operating system; empty: it is not told (XEP-0092 §5).
	OS string
	// Everybody may ask. False: only our own account, its server and contacts
	// with a subscription to our presence; others get service-unavailable.
	Everybody bool
}

// Handle answers version requests on the connection, and announces that it
// does. Nil options mean the zero value. It panics where [xmpp.Connection.Use]
// does: after the first Connect, and when called twice.
func Handle(conn *xmpp.Connection, options *Options) {
	var o Options
	if options != nil {
		o = *options
	}
	software := o.software()
	conn.Use(xmpp.Extension{
		Name:     "version",
		Features: []string{NS},
		IQ: []xmpp.IQHandler{xmpp.OnGet(func(_ context.Context, _ Software, iq *stanza.IQ) (any, error) {
			if !o.Everybody && !conn.Roster().SeesUs(iq.From) {
				return nil, stanza.ServiceUnavailable
			}
			return software, nil
		})},
	})
}

// Get asks of, a full address, a server or a service, for its software. The
// zero address is our own server. It blocks until the answer comes, may be
// called from any goroutine and any handler, and has the errors of
// [xmpp.Connection.Get]: stanza.ServiceUnavailable is how the other side says
// that it doesn't tell.
func Get(ctx context.Context, conn *xmpp.Connection, of jid.JID) (Software, error) {
	var s Software
	err := conn.Get(ctx, of, Software{}, &s)
	return s, err
}

// software is what the options say, completed by what the program knows of
// itself.
func (o *Options) software() Software {
	s := Software{Name: o.Name, Version: o.Version, OS: o.OS}
	build, ok := debug.ReadBuildInfo()
	if ok && s.Name == "" {
		s.Name = path.Base(build.Path)
	}
	if ok && s.Version == "" && build.Main.Version != "(devel)" {
		s.Version = build.Main.Version
	}
	if s.Name == "" {
		s.Name = "unknown"
	}
	if s.Version == "" {
		s.Version = "unknown"
	}
	return s
}
