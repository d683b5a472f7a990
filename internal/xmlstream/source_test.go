package xmlstream_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

// script is a source that answers each Read with the next of its steps.
type script []struct {
	data string
	n    int // if not zero: the count to lie about
	err  error
}

func (s *script) Read(p []byte) (int, error) {
	if len(*s) == 0 {
		return 0, nil
	}
	step := (*s)[0]
	*s = (*s)[1:]
	n := copy(p, step.data)
	if step.n != 0 {
		n = step.n
	}
	return n, step.err
}

func TestDataWithError(t *testing.T) {
	lines, err := read(iotest.DataErrReader(strings.NewReader(header+`<presence/><iq/>`+footer)), xmlstream.Limits{})
	require.Equal(t, io.EOF, err)
	require.Len(t, lines, 3)
}

func TestSourceErrorPasses(t *testing.T) {
	timeout := errors.New("timeout")
	src := &script{{data: header}, {data: `<presence`, err: timeout}, {err: timeout}, {data: ` to='a'`}, {}, {}, {data: `/>`}, {err: io.EOF}}
	r := xmlstream.NewReader(src, xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	require.False(t, r.Partial())
	for range 2 {
		_, err = r.Next()
		require.Equal(t, timeout, err)
		require.True(t, r.Partial())
		require.Equal(t, len(`<presence`), r.Buffered())
	}
	e, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, "a", e.Attr("to"))
	require.False(t, r.Partial())
	require.Zero(t, r.Buffered())
	_, err = r.Next()
	require.Equal(t, io.ErrUnexpectedEOF, err)
	_, err = r.Next()
	require.Equal(t, io.ErrNoProgress, err)
}

func TestImpossibleCounts(t *testing.T) {
	for _, n := range []int{-1, 1 << 20} {
		r := xmlstream.NewReader(&script{{n: n}}, xmlstream.Limits{})
		_, err := r.Header()
		require.ErrorContains(t, err, "impossible count")
	}
}

func TestUnexpectedEnd(t *testing.T) {
	for _, in := range []string{header, header + `<`, header + `<a`, header + `<a>x`, header + `<a/>`, header + `</stream:strea`} {
		_, err := read(strings.NewReader(in), xmlstream.Limits{})
		require.Equal(t, io.ErrUnexpectedEOF, err, in)
	}
}

func TestBufferedAfterProceed(t *testing.T) { // S004
	r := xmlstream.NewReader(strings.NewReader(header+`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>`), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	_, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, len(`<iq/>`), r.Buffered())
}
