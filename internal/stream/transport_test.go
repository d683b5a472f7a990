package stream

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
)

const opened = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

// A stream error in a negotiation leaves what other connections read alone: all share the scratch memory of elements.
func TestStreamErrorsTouchNobodyElse(t *testing.T) {
	read := func(from string) xmlstream.Draft {
		r := xmlstream.NewReader(strings.NewReader(opened+"<message from='"+from+"'><body>text</body></message>"), xmlstream.Limits{})
		_, err := r.Header()
		require.NoError(t, err)
		d, err := r.Draft()
		require.NoError(t, err)
		return d
	}
	for range 100 {
		client, server := net.Pipe()
		go func() {
			_, _ = server.Read(make([]byte, 4096))
			_, _ = io.WriteString(server, opened)
			_, _ = io.WriteString(server, "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		require.ErrorContains(t, NewTransport(client, &Config{Domain: jid.MustParse("example.org")}).Open(ctx, jid.JID{}), "host-unknown")
		cancel()
		require.NoError(t, client.Close())
		require.NoError(t, server.Close())
		one, two := read("romeo@example.org"), read("juliet@example.org")
		require.Equal(t, "romeo@example.org", one.Keep().Attr("from"))
		require.Equal(t, "juliet@example.org", two.Keep().Attr("from"))
	}
}
