package stream

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

// A request that waits for room while its session is lost: FailAll says "unsent", and then it is written in the session that follows at once
// (Bind 2 in the same success: no round trip in between).
func TestARequestWaitsForRoomAcrossSessions(t *testing.T) {
	runtime.GOMAXPROCS(1)
	o, p, in := &Outbox{}, &Pending{}, &Inbound{}
	o.Join(in)
	in.Outstanding = p.Any
	w := &Writer{box: o, running: true}
	o.Attach(w, false)
	for range 1024 {
		if err := o.TryPut(Main, Entry{Data: []byte("<m/>"), Keep: true}); err != nil {
			t.Fatal(err)
		}
	}
	r := &Request{Reply: make(chan Answer, 1)}
	p.Add("1", r)
	result := make(chan error, 1)
	go func() { result <- o.Put(context.Background(), Main, Entry{Data: []byte("<iq/>"), Done: r}) }()
	time.Sleep(10 * time.Millisecond)
	// Ended, and the answer to <resume/>: lose; then start.
	o.Detach(true, nil)
	o.Drop(errors.New("lost"))
	p.FailAll(func(_ *Request, written bool) error { return errors.New("unsent") })
	o.Lose(0, false)
	o.Attach(w, false)
	time.Sleep(10 * time.Millisecond)
	o.mu.Lock()
	o.open = true
	batch := o.take(nil, 1<<20)
	o.mu.Unlock()
	_ = batch
	time.Sleep(10 * time.Millisecond)
	select {
	case err := <-result:
		t.Logf("Put: %v, told: %v", err, (<-r.Reply).Err)
		if err == nil {
			t.Error("it is queued, and its caller was told that it never left")
		}
	default:
		t.Log("still waits")
	}
}
