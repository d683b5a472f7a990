package realserver

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken below the range the kernel uses for outgoing connections, so
// that one stays free while its server restarts.
const (
	firstPort = 20000
	lastPort  = 32000
)

// port is a loopback TCP port reserved against other test processes. A server
// must bind the TCP port itself, so the reservation is the UDP port of the same
// number: held as long as the process lives, gone with it, no files.
type port struct {
	number int
	lock   net.PacketConn
}

func (p *port) release() {
	if p != nil {
		_ = p.lock.Close()
	}
}

func reservePort() (*port, error) {
	for range 1000 {
		number := firstPort + rand.IntN(lastPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(number))
		lock, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		probe, err := net.Listen("tcp", address)
		if err != nil {
			_ = lock.Close()
			continue
		}
		_ = probe.Close()
		return &port{number: number, lock: lock}, nil
	}
	return nil, errors.New("no free loopback port")
}
