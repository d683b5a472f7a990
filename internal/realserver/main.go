package realserver

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Main is the body of a TestMain whose tests use real servers. It starts what is
// installed, hands it to use, runs the tests, stops the servers, also when the
// tests are interrupted, and reports what is missing. It returns the exit status:
//
//	func TestMain(m *testing.M) {
//		os.Exit(realserver.Main(m, realserver.Options{}, func(s *realserver.Set) { servers = s }))
//	}
func Main(m interface{ Run() int }, o Options, use func(*Set)) int {
	set, err := StartAll(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop := sync.OnceValue(set.Stop)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer close(interrupted)
	defer signal.Stop(interrupted)
	go func() {
		if _, ok := <-interrupted; ok {
			_ = stop()
			os.Exit(130)
		}
	}()
	use(set)
	status := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = max(status, 1)
	}
	Report(set.Missing)
	forgetResult()
	return status
}

// forgetResult keeps the go command from reusing this result for a later run:
// what is installed decides it, which the go command can not see. It takes no
// result whose log of inputs is not whole.
func forgetResult() {
	if log := flag.Lookup("test.testlogfile"); log != nil && log.Value.String() != "" {
		_ = os.Truncate(log.Value.String(), 0)
	}
}
