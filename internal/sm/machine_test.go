package sm_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// run lets a script drive a client and a server: the first byte says where the counters start and
// whether a server that forgot a session still knows its h; each further one is a step.
func run(t testing.TB, script []byte) {
	if len(script) == 0 {
		return
	}
	start := uint32(0)
	if script[0]&1 != 0 {
		start = 1<<32 - 3
	}
	c := newPair(t, start)
	c.s.tellH = script[0]&2 != 0
	c.connect()
	for _, b := range script[1:] {
		step(c, b&15, int(b>>4))
	}
	c.finish()
}

func step(c *client, op byte, arg int) {
	switch op {
	case 0, 1:
		c.send()
	case 2, 3:
		c.s.send()
	case 4:
		c.deliver(arg, 0)
	case 5:
		c.deliver(0, arg)
	case 6:
		c.deliver(arg, arg)
	case 7:
		c.handle(0)
	case 8:
		c.handle(arg)
	case 9:
		c.tick()
	case 10:
		if c.s.cur != nil {
			c.s.push(request{})
		}
	case 11:
		c.cut(arg&3, arg>>2)
	case 12:
		c.connect()
	case 13:
		c.cut(arg&3, arg>>2)
		c.connect()
	case 14:
		if arg == 0 && !c.s.up {
			c.s.forget()
		}
	case 15:
		if arg == 0 {
			c.crash()
		}
	}
}

func TestRandomScripts(t *testing.T) {
	runs := 4000
	if testing.Short() {
		runs = 500
	}
	for seed := range runs {
		r := rand.New(rand.NewPCG(uint64(seed), 198))
		script := make([]byte, 2+r.IntN(400))
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { run(t, script) }) {
			break
		}
	}
}

// TestManyCuts is the long one: thousands of messages each way on one session, which never ends.
func TestManyCuts(t *testing.T) {
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := newPair(t, 1<<32-3)
		c.connect()
		cuts := 0
		for c.sent < 10_000 || c.s.downTotal < 10_000 {
			op := byte(r.IntN(11))
			if r.IntN(200) == 0 {
				op = 13
				cuts++
			}
			step(c, op, r.IntN(16))
		}
		c.finish()
		if cuts < 200 || c.s.ids != 0 {
			t.Fatalf("%d cuts, %d new sessions", cuts, c.s.ids)
		}
		for _, m := range c.s.got {
			if m.flagged {
				t.Fatalf("message %d was flagged in a session that never ended", m.n)
			}
		}
	}
}

// dialogue is: messages both ways, a request each way, one handler that is slow.
var dialogue = []struct {
	op  byte
	arg int
}{
	{0, 0}, {0, 0}, {2, 0}, {6, 1}, {2, 0}, {2, 0}, {6, 9}, {7, 0}, {9, 0}, {9, 0}, {9, 0}, {9, 0}, {4, 1}, {0, 0}, {8, 1},
	{5, 9}, {10, 0}, {2, 0}, {5, 1}, {4, 2}, {0, 0}, {5, 9}, {7, 0}, {6, 9}, {2, 0}, {0, 0}, {5, 2}, {10, 0}, {6, 9},
}

// TestEveryCut cuts the dialogue twice, at each pair of its points and with each number of elements that
// still arrive, and lets the server forget the session or not.
func TestEveryCut(t *testing.T) {
	runs := 0
	for _, start := range []uint32{0, 1<<32 - 3} {
		for first := range dialogue {
			for second := first; second < len(dialogue); second++ {
				for last := range 64 {
					c := newPair(t, start)
					c.s.tellH = last&32 != 0
					c.connect()
					for i, d := range dialogue {
						if i == first || i == second {
							c.cut(last&3, last>>2&3)
							if last&16 != 0 && i == second {
								c.s.forget()
							}
							c.connect()
							c.deliver(1, 1)
						}
						step(c, d.op, d.arg)
					}
					c.finish()
					runs++
				}
			}
		}
	}
	if runs < 50_000 {
		t.Fatalf("%d runs only", runs)
	}
}

func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 0, 2, 0x46, 0x0b, 0x0c, 0x46})
	f.Add([]byte{1, 0, 0, 0, 2, 2, 2, 0x56, 7, 0x18, 0x0d, 0x26, 0x0d, 0xf6, 7, 7})
	f.Add([]byte{2, 0, 2, 2, 0x36, 0x0b, 0x0e, 0x0c, 0xf6, 0x0f, 0x0c, 0xf6})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 2000 {
			script = script[:2000]
		}
		run(t, script)
	})
}
