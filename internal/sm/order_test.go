package sm_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
)

// FuzzAnyOrder calls everything in any order with any numbers, as a server may make us: nothing panics, what is
// sent is told of exactly once and in order, and an h that was told is never taken back.
func FuzzAnyOrder(f *testing.F) {
	f.Add([]byte{0, 2, 2, 2, 3, 2, 4, 1, 9, 5, 0, 11, 11, 12, 13, 14, 0, 11, 15, 16})
	f.Add([]byte{10, 11, 11, 11, 13, 12, 0, 14, 11, 12, 1, 11, 15, 13, 14, 11})
	f.Fuzz(anyOrder)
}

func TestAnyOrder(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		script := make([]byte, r.IntN(600))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		anyOrder(t, script)
	}
}

func anyOrder(t *testing.T, script []byte) {
	o := outCaller{t: t}
	in := inCaller{t: t}
	next := func() (b byte) {
		if len(script) > 0 {
			b, script = script[0], script[1:]
		}
		return b
	}
	for len(script) > 0 {
		if op := next(); op%18 < 9 {
			o.call(op%18, next)
		} else {
			in.call(op%18, next)
		}
	}
	o.told(o.out.Disable(nil))
	if o.last != o.sent {
		t.Fatalf("%d sent, %d told of", o.sent, o.last)
	}
}

type outCaller struct {
	t          *testing.T
	out        sm.Out[int]
	sent, last int
}

func (o *outCaller) told(vs []int) {
	for _, v := range vs {
		if o.last++; v != o.last {
			o.t.Fatalf("%d was told of after %d", v, o.last-1)
		}
	}
}

func (o *outCaller) call(op byte, next func() byte) {
	switch op {
	case 0:
		o.told(o.out.Enable())
	case 1, 2, 3:
		if o.out.Sent(o.sent+1, int(next()), now) {
			o.sent++
		}
	case 4:
		acked, _ := o.out.Ack(nil, o.out.Count()-uint32(next()))
		o.told(acked)
	case 5:
		acked, _ := o.out.Resumed(nil, uint32(o.out.Acked())+uint32(next()))
		o.told(acked)
	case 6:
		acked, rest, _ := o.out.Failed(o.out.Count()-uint32(next()), next()&1 != 0)
		o.told(acked)
		o.told(rest)
	case 7:
		acked, _ := o.out.Ack(nil, binary.BigEndian.Uint32([]byte{next(), next(), next(), next()}))
		o.told(acked)
	case 8:
		if due, wait := o.out.RequestDue(now.Add(time.Duration(next()) * time.Millisecond)); due {
			o.out.Requested()
		} else if wait < 0 || wait > time.Second {
			o.t.Fatal(wait)
		}
	}
	if n, bytes := o.out.Len(); n < 0 || bytes < 0 || n == 0 && bytes != 0 {
		o.t.Fatal(n, bytes)
	}
}

type inCaller struct {
	t    *testing.T
	in   sm.In
	seqs []sm.Seq
	told uint32
}

func (c *inCaller) call(op byte, next func() byte) {
	in := &c.in
	switch op {
	case 9:
		in.Enable()
		c.told = 0
	case 10:
		c.told = 1<<32 - 1 - uint32(next())
		in.Restore(c.told)
	case 11, 12:
		seq, again, err := in.Receive("iq", string('a'+rune(next()%3)), "f")
		if again && (seq != 0 || err != nil) {
			c.t.Fatal("again and new")
		}
		c.seqs = append(c.seqs, seq)
	case 13, 14:
		if len(c.seqs) > 0 {
			in.Handled(c.seqs[int(next())%len(c.seqs)])
		}
	case 15:
		c.told = in.Resuming()
	case 16:
		in.Resumed()
	case 17:
		if due, wait := in.AckDue(now.Add(time.Duration(next())*time.Second), next()&1 != 0); due || wait > 0 {
			in.Ack(now)
		}
	}
	if h := in.H(); int32(h-c.told) < 0 {
		c.t.Fatalf("h went back from %d to %d", c.told, h)
	}
	if in.Enabled() {
		c.told = in.H()
	}
	if in.Held() < 0 || in.Untold() < 0 {
		c.t.Fatal(in.Held(), in.Untold())
	}
}
