package interop_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/gosmack/xmpp/internal/realserver"
)

// domain is what every server serves.
const domain = realserver.DefaultDomain

// atOnce is how many scenarios run at the same time: most of them wait for the network, not for a processor.
const atOnce = 6

// servers are what this machine has; made by TestMain and never changed.
var servers []*server

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", fmt.Sprint(atOnce))
	}
	os.Exit(realserver.Main(tests{m}, realserver.Options{}, func(set *realserver.Set) {
		for _, s := range set.Servers {
			servers = append(servers, real(s))
		}
		set.Missing = append(set.Missing, missingClients()...)
	}))
}

// tests runs the tests with the in-process server beside the real ones.
type tests struct{ *testing.M }

func (m tests) Run() int {
	s, stop, err := inProcess()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stop()
	defer removePrograms()
	servers = append([]*server{s}, servers...)
	return m.M.Run()
}
