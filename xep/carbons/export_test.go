package carbons

import (
	"context"

	"github.com/gosmack/xmpp"
)

// The requests, for the tests of package carbons_test.
type (
	EnableRequest  = enable
	DisableRequest = disable
	NoCopyHint     = noCopy
)

// Start is what a new session runs.
func (c *Carbons) Start(ctx context.Context, s *xmpp.Session) error { return c.start(ctx, s) }
