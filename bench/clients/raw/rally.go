package main

import (
	"bytes"
	"io"
	"time"

	"github.com/gosmack/xmpp/bench/peer"
)

var (
	message = []byte(peer.Message)
	closing = []byte("</message>")
)

// rally sends the bytes of a message and reads those of the answer.
func rally(o peer.Options) (*peer.Result, error) {
	c, rd, err := peer.DialRaw(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r := peer.NewRally(o)
	buf := make([]byte, 4096)
	for more := true; more; {
		if o.Job == "lone" {
			time.Sleep(peer.Pause)
		}
		r.Serve()
		if _, err := c.Write(message); err != nil {
			return nil, err
		}
		n := 0
		for !bytes.HasSuffix(buf[:n], closing) {
			read, err := rd.Read(buf[n:])
			if err != nil {
				return nil, err
			}
			n += read
		}
		_, body, _ := bytes.Cut(buf[:n], []byte("<body>"))
		body, _, _ = bytes.Cut(body, []byte("</body>"))
		more = r.Return(string(body))
	}
	return r.Result()
}

// send writes messages one by one: what a library that flushes each can reach.
func send(o peer.Options) (*peer.Result, error) {
	c, rd, err := peer.DialRaw(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = io.ReadFull(rd, make([]byte, len(closing))) // nothing else comes than the end
	}()
	return peer.Send(o, func() error {
		_, err := c.Write(message)
		return err
	}, end)
}
