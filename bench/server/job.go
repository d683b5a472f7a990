package main

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/gosmack/xmpp/bench/corpus"
)

// end is the last stanza of every corpus, by which clients know that they have seen all.
const end = `<message from='end@bench.example/end' to='` + corpus.Address + `' id='end' type='chat'><body>end</body></message>`

// work does what the client asked for until it leaves.
func (c *conn) work(job string) error {
	var name string
	var n, size int
	_, _ = fmt.Sscan(job, &name, &n, &size) // what is missing is 0
	switch name {
	case "drain":
		return c.drain(n)
	case "echo", "lone":
		return c.echo()
	case "idle":
		return c.discard()
	}
	b := c.stream(name, n, size)
	if b == nil {
		return fmt.Errorf("nobody knows the job %q", job)
	}
	left := make(chan error, 1)
	go func() { left <- c.discard() }()
	if _, err := c.c.Write(b); err != nil {
		return err
	}
	return <-left
}

type streamKey struct {
	name    string
	n, size int
}

type prepared struct {
	once sync.Once
	b    []byte
}

// stream returns what is written for a job, made once.
func (c *conn) stream(name string, n, size int) []byte {
	key := streamKey{name, n, size}
	c.mu.Lock()
	p := c.streams[key]
	if p == nil {
		p = new(prepared)
		c.streams[key] = p
	}
	c.mu.Unlock()
	p.once.Do(func() {
		mix, known := corpus.Mixes[name]
		switch {
		case known:
			p.b, _ = corpus.Make(mix, n)
		case name == "size":
			p.b = corpus.Sized(size, n)
		case name == "room":
			p.b = corpus.Room(n)
		default:
			return
		}
		p.b = append(p.b, end...)
	})
	return p.b
}

// discard reads what the client writes and looks at nothing.
func (c *conn) discard() error {
	buf := make([]byte, 64<<10)
	for {
		if _, err := c.r.Read(buf); err != nil {
			return err
		}
	}
}

// watch reads what the client writes and calls message for each that has come whole. It answers
// the client's requests for acknowledgements (XEP-0198 §4).
func (c *conn) watch(message func() error) error {
	closing, request := []byte("</message>"), []byte("<r xmlns")
	buf := make([]byte, 256<<10)
	held := 0 // bytes that may be the beginning of one of the two
	for {
		n, err := c.r.Read(buf[held:])
		if err != nil {
			return err
		}
		b := buf[:held+n]
		asked := c.counts && bytes.Contains(b, request)
		for {
			i := bytes.Index(b, closing)
			if i < 0 {
				break
			}
			b = b[i+len(closing):]
			c.handled++
			if err := message(); err != nil {
				return err
			}
		}
		if asked {
			if err := c.acknowledge(); err != nil {
				return err
			}
		}
		held = copy(buf, b[max(0, len(b)-len(closing)+1):])
	}
}

// drain counts n messages and says when they are there.
func (c *conn) drain(n int) error {
	got := 0
	return c.watch(func() error {
		if got++; got != n {
			return nil
		}
		_, err := c.c.Write([]byte(end))
		return err
	})
}

// echo answers every message with one that says when it came, in nanoseconds of the wall clock,
// always of the same length.
func (c *conn) echo() error {
	if t, ok := c.c.(*net.TCPConn); ok {
		_ = t.SetNoDelay(true)
	}
	head := []byte(`<message from='echo@bench.example/echo' to='` + corpus.Address + `' id='echo' type='chat'><body>`)
	answer := make([]byte, 0, 256)
	return c.watch(func() error {
		answer = append(fmt.Appendf(append(answer[:0], head...), "%019d", time.Now().UnixNano()), `</body></message>`...)
		_, err := c.c.Write(answer)
		return err
	})
}
