package realserver_test

import (
	"os"
	"testing"

	"github.com/gosmack/xmpp/internal/realserver"
)

// servers are the ones this machine has; what it lacks is reported at the end.
var servers *realserver.Set

func TestMain(m *testing.M) {
	options := realserver.Options{Accounts: map[string]string{"early": "päss \"\\word"}}
	os.Exit(realserver.Main(m, options, func(s *realserver.Set) { servers = s }))
}
