package peer

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/gosmack/xmpp/bench/stat"
)

// Text is the body of every message that is sent, Message what a client makes of it at least.
const (
	Text    = "But soft, what light through yonder window breaks? It is the east, and Juliet is the sun."
	Message = "<message to='echo@bench.example' id='f81d4fae7dec11d0' type='chat'><body>" + Text + "</body></message>"
)

// EchoAddress is whom those messages are for.
const EchoAddress = "echo@bench.example"

// Send lets Workers goroutines send N messages between them and takes the time until the server has
// read the last, which it says by a message that closes end.
func Send(o Options, send func() error, end <-chan struct{}) (*Result, error) {
	var meter Meter
	meter.Begin()
	failed := make(chan error, o.Workers)
	for w := range o.Workers {
		n := o.N / o.Workers
		if w == 0 {
			n += o.N % o.Workers
		}
		go func() {
			for range n {
				if err := send(); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	select {
	case <-end:
	case err := <-failed:
		return nil, err
	}
	r := new(Result)
	meter.End(r)
	return r, nil
}

// A Rally is N messages to and fro, one at a time. The first tenth is for warming up.
type Rally struct {
	Done chan struct{} // closed behind the last

	n      int
	sent   time.Time
	rounds stat.Sample // ns until the answer was there
	ways   stat.Sample // ns until the server had read the message
}

// NewRally is to be followed by Serve, then the first message.
func NewRally(o Options) *Rally { return &Rally{Done: make(chan struct{}), n: o.N} }

// Serve is to be called right before a message is sent.
func (r *Rally) Serve() { r.sent = time.Now() }

// Return is to be called with the body of the answer, and tells whether there is another message
// to send.
func (r *Rally) Return(body string) bool {
	now := time.Now()
	r.rounds = append(r.rounds, float64(now.Sub(r.sent)))
	if at, err := strconv.ParseInt(body, 10, 64); err == nil {
		r.ways = append(r.ways, float64(at-r.sent.UnixNano()))
	}
	if len(r.rounds) < r.n {
		return true
	}
	close(r.Done)
	return false
}

// Result is there when the Rally is done.
func (r *Rally) Result() (*Result, error) {
	if len(r.ways) != len(r.rounds) {
		return nil, errors.New("an answer did not say when the message had come")
	}
	rounds, ways := r.rounds[len(r.rounds)/10:], r.ways[len(r.ways)/10:]
	return &Result{Values: Values{
		"round50": rounds.Median(), "round99": rounds.Quantile(0.99),
		"way50": ways.Median(), "way99": ways.Quantile(0.99),
	}}, nil
}

// Pause is how long nothing is sent between lone messages.
const Pause = 2 * time.Millisecond

// Idle logs in N times and says what memory a connection keeps resident. The first login, which
// brings the program's code into memory, is made before and doesn't count.
func Idle(o Options, login func() error) (*Result, error) {
	if err := login(); err != nil {
		return nil, err
	}
	before, cpu, begun := settled(), CPU(), time.Now()
	var wg sync.WaitGroup
	work, failed := make(chan struct{}), make(chan error, 1)
	for range min(o.N, 32) {
		wg.Go(func() {
			for range work {
				if err := login(); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for range o.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	select {
	case err := <-failed:
		return nil, err
	default:
	}
	n := float64(o.N)
	r := &Result{Elapsed: time.Since(begun).Seconds(), CPU: (CPU() - cpu).Seconds()}
	after := settled()
	r.RSS = MaxRSS()
	r.Values = Values{
		"rss": float64(after.rss-before.rss) / n, "heap": float64(after.heap-before.heap) / n,
		"stack": float64(after.stack-before.stack) / n, "goroutines": float64(after.goroutines-before.goroutines) / n,
	}
	return r, nil
}

type memory struct{ rss, heap, stack, goroutines int64 }

// settled is the memory that is left when everything had time to come to rest.
func settled() memory {
	time.Sleep(500 * time.Millisecond)
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what finalizers and pools held until the first
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return memory{RSS(), int64(s.HeapInuse), int64(s.StackInuse), int64(runtime.NumGoroutine())}
}
