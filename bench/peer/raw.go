package peer

import (
	"bufio"
	"fmt"
	"net"
	"strings"

	"github.com/gosmack/xmpp/bench/corpus"
)

// DialRaw logs in by writing what a client writes, for the measurements of what no library can be
// faster than. Nothing of what follows has been read from the reader.
func DialRaw(o Options) (net.Conn, *bufio.Reader, error) {
	c, err := net.Dial("tcp", o.Addr)
	if err != nil {
		return nil, nil, err
	}
	r := bufio.NewReader(c)
	header := fmt.Sprintf(`<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>`, corpus.Domain)
	for _, step := range []struct{ write, await string }{
		{header, "</stream:features>"},
		{`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGJlbmNoAHNlY3JldA==</auth>`, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"},
		{header, "</stream:features>"},
		{`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`, "</iq>"},
	} {
		if _, err := c.Write([]byte(step.write)); err != nil {
			return nil, nil, err
		}
		if err := await(r, step.await); err != nil {
			return nil, nil, err
		}
	}
	_, err = fmt.Fprintf(c, `<message to='%s'><body>%s</body></message>`, GoAddress, o.Go())
	return c, r, err
}

func await(r *bufio.Reader, what string) error {
	var read strings.Builder
	for !strings.HasSuffix(read.String(), what) {
		b, err := r.ReadByte()
		if err != nil {
			return err
		}
		read.WriteByte(b)
	}
	return nil
}
