// Server is the other end of every measurement: it lets anybody in, answers the little that clients
// ask while they log in, and then does the job that the client names in a message to go@bench.example.
// What it writes is made before, so that it costs next to nothing beside the client.
//
// It prints one line of JSON that says where it listens, and ends when its standard input does.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/gosmack/xmpp/bench/peer"
)

func main() {
	iterations := flag.Int("iterations", 4096, "of PBKDF2 (RFC 5802 §5.1)")
	flag.Parse()
	if err := run(*iterations); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(iterations int) error {
	peer.RaiseFileLimit()
	cert, pem, err := certificate()
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	direct, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &server{iterations: iterations, tls: &tls.Config{Certificates: []tls.Certificate{cert}}, streams: map[streamKey]*prepared{}, tokens: map[string]string{}, keys: map[string][]byte{}}
	go s.accept(plain)
	go s.accept(tls.NewListener(direct, s.tls))
	if err := json.NewEncoder(os.Stdout).Encode(peer.ServerInfo{Addr: plain.Addr().String(), TLS: direct.Addr().String(), CA: pem}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func (s *server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "server:", err)
			os.Exit(1)
		}
		go func() {
			defer c.Close()
			if err := s.serve(c); err != nil && !isGone(err) {
				fmt.Fprintln(os.Stderr, "server:", err)
			}
		}()
	}
}
