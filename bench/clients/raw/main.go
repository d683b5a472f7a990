// Raw is what no library can be faster than: reading the socket and looking at nothing, and, with
// -parse, the tokens of encoding/xml, which is what every library that stands on it pays at least.
package main

import (
	"bytes"
	"encoding/xml"
	"os"
	"slices"

	"github.com/gosmack/xmpp/bench/peer"
)

func main() {
	read := readBytes
	if i := slices.Index(os.Args, "-parse"); i > 0 {
		os.Args, read = slices.Delete(os.Args, i, i+1), readTokens
	}
	peer.Main(map[string]func(peer.Options) (*peer.Result, error){"full": read, "live": read, "chat": read, "drain": send, "echo": rally, "lone": rally})
}

// readBytes reads until the text of the last stanza has come.
func readBytes(o peer.Options) (*peer.Result, error) {
	c, r, err := peer.DialRaw(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	end := []byte("<body>end</body></message>")
	buf := make([]byte, len(end)+64<<10)
	tail := buf[:len(end)] // the last bytes of what was read before
	var meter peer.Meter
	meter.Begin()
	for first := true; !bytes.Equal(tail, end); first = false {
		n, err := r.Read(buf[len(end):])
		if err != nil {
			return nil, err
		}
		if first {
			meter.First()
		}
		copy(tail, buf[n:])
	}
	result := new(peer.Result)
	meter.End(result)
	return result, nil
}

func readTokens(o peer.Options) (*peer.Result, error) {
	c, r, err := peer.DialRaw(o)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	d := xml.NewDecoder(r)
	var meter peer.Meter
	meter.Begin()
	for first, over := true, false; !over; first = false {
		token, err := d.RawToken()
		if err != nil {
			return nil, err
		}
		if first {
			meter.First()
		}
		text, ok := token.(xml.CharData)
		over = ok && string(text) == "end"
	}
	result := new(peer.Result)
	meter.End(result)
	return result, nil
}
