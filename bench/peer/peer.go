// Package peer is what all client programs share: their flags, what they count, and the line of
// JSON that they print.
package peer

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/gosmack/xmpp/bench/corpus"
)

// Timeout is how long any client may take.
const Timeout = 5 * time.Minute

// Password of every account.
const Password = "secret"

// ServerInfo is what the server says when it listens.
type ServerInfo struct {
	Addr string `json:"addr"` // in the clear
	TLS  string `json:"tls"`  // TLS from the first byte
	CA   string `json:"ca"`   // PEM
}

// Options are the flags of a client.
type Options struct {
	Addr     string // of the server
	CA       string // file with the certificate to trust; "": no TLS
	User     string
	Job      string
	N        int // stanzas, messages or connections
	Size     int // of a stanza
	Chunk    int // how many bytes one read returns; 0: what is there
	Handlers int
	Workers  int
}

// Go is the body of the message that makes the server begin.
func (o Options) Go() string {
	if o.Size > 0 {
		return fmt.Sprintf("%s %d %d", o.Job, o.N, o.Size)
	}
	return fmt.Sprintf("%s %d", o.Job, o.N)
}

// GoAddress is where that message is sent.
const GoAddress = "go@" + corpus.Domain

// EndLocal is the local part of whom the message behind the last is from.
const EndLocal = "end"

// A Result is what a client prints.
type Result struct {
	corpus.Count
	Elapsed float64 `json:"elapsed"`          // seconds from the first stanza to the last
	CPU     float64 `json:"cpu"`              // seconds, of the process, from before the first to behind the last
	RSS     int64   `json:"rss"`              // bytes, the most there was
	Mallocs uint64  `json:"mallocs"`          // of Go clients, in the same time
	Bytes   uint64  `json:"bytes"`            // likewise
	Values  Values  `json:"values,omitempty"` // what else was measured, by name
}

// Values are figures by name.
type Values map[string]float64

// Main reads the flags, runs a job and prints its result.
func Main(jobs map[string]func(Options) (*Result, error)) {
	var o Options
	flag.StringVar(&o.Addr, "addr", "", "the server's `address`")
	flag.StringVar(&o.CA, "ca", "", "`file` with the certificate to trust; none: no TLS")
	flag.StringVar(&o.User, "user", "bench", "the account's local part")
	flag.StringVar(&o.Job, "job", "full", "what to measure")
	flag.IntVar(&o.N, "n", 1000, "how many stanzas, messages or connections")
	flag.IntVar(&o.Size, "size", 0, "bytes of a stanza, for the job size")
	flag.IntVar(&o.Chunk, "chunk", 0, "bytes that one read returns at most")
	flag.IntVar(&o.Handlers, "handlers", 1, "how many listeners")
	flag.IntVar(&o.Workers, "workers", 1, "goroutines that send")
	cpuprofile := flag.String("cpuprofile", "", "`file` for a CPU profile")
	memprofile := flag.String("memprofile", "", "`file` for a profile of all allocations")
	flag.Parse()
	if err := run(jobs, o, *cpuprofile, *memprofile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(jobs map[string]func(Options) (*Result, error), o Options, cpuprofile, memprofile string) error {
	job, ok := jobs[o.Job]
	if !ok {
		return fmt.Errorf("there is no job %q", o.Job)
	}
	RaiseFileLimit()
	time.AfterFunc(Timeout, func() {
		fmt.Fprintf(os.Stderr, "%s did not end within %v\n", o.Job, Timeout)
		os.Exit(1)
	})
	if memprofile != "" {
		runtime.MemProfileRate = 512
	}
	if cpuprofile != "" {
		f, err := os.Create(cpuprofile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	r, err := job(o)
	if err != nil {
		return err
	}
	if memprofile != "" {
		f, err := os.Create(memprofile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.Lookup("allocs").WriteTo(f, 0); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// A Meter takes the time, the CPU's and the allocations between two points.
type Meter struct {
	at    time.Time
	cpu   time.Duration
	stats runtime.MemStats
}

// Begin starts the meter, with a heap that has been collected.
func (m *Meter) Begin() {
	debug.FreeOSMemory()
	runtime.ReadMemStats(&m.stats)
	m.cpu, m.at = CPU(), time.Now()
}

// First moves the beginning of the time to now: the first stanza is there.
func (m *Meter) First() { m.at = time.Now() }

// End puts what was measured into a result.
func (m *Meter) End(r *Result) {
	r.Elapsed = time.Since(m.at).Seconds()
	r.CPU = (CPU() - m.cpu).Seconds()
	before := m.stats
	runtime.ReadMemStats(&m.stats)
	r.Mallocs, r.Bytes = m.stats.Mallocs-before.Mallocs, m.stats.TotalAlloc-before.TotalAlloc
	r.RSS = MaxRSS()
}
