package realserver

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// Set is the servers that could be started on this machine.
type Set struct {
	Servers []*Server
	// Missing has one line for each server that is not there, or is there in
	// another version than the tests are written for, with the reason.
	Missing []string

	dir string
}

// kinds are the servers the tests are written for.
var kinds = []struct {
	name, major string
	start       func(dir string, o Options) (*Server, error)
}{
	{"Prosody", "13", StartProsody},
	{"ejabberd", "24", StartEjabberd},
}

// StartAll starts every installed server at the same time, in a temporary
// folder that [Set.Stop] removes, and blocks until all answer. A server that is
// not installed is in Missing; one that is installed but does not start is an
// error, and then nothing is left running.
func StartAll(o Options) (*Set, error) {
	dir, err := os.MkdirTemp("", "xmpp-servers-")
	if err != nil {
		return nil, err
	}
	set := &Set{dir: dir}
	// The servers' own users have to pass through.
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, errors.Join(err, set.Stop())
	}
	servers := make([]*Server, len(kinds))
	errs := make([]error, len(kinds))
	var group sync.WaitGroup
	for i, kind := range kinds {
		group.Go(func() { servers[i], errs[i] = kind.start(dir, o) })
	}
	group.Wait()
	var failed error
	for i, kind := range kinds {
		switch s := servers[i]; {
		case errors.Is(errs[i], ErrNotInstalled):
			set.Missing = append(set.Missing, fmt.Sprintf("%s %s: %v", kind.name, kind.major, errs[i]))
		case errs[i] != nil:
			failed = errors.Join(failed, errs[i])
		default:
			set.Servers = append(set.Servers, s)
			if !strings.HasPrefix(s.Version, kind.major+".") {
				set.Missing = append(set.Missing, fmt.Sprintf("%s %s: version %s is used instead", kind.name, kind.major, s.Version))
			}
		}
	}
	if failed != nil {
		return nil, errors.Join(failed, set.Stop())
	}
	return set, nil
}

// Stop ends all servers at the same time and removes their folder. It blocks
// until they are gone, see [Server.Stop].
func (s *Set) Stop() error {
	errs := make([]error, len(s.Servers))
	var group sync.WaitGroup
	for i, server := range s.Servers {
		group.Go(func() { errs[i] = server.Stop() })
	}
	group.Wait()
	return errors.Join(errors.Join(errs...), os.RemoveAll(s.dir))
}
