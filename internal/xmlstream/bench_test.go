package xmlstream_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

// loop is a stream that never ends, cut in chunks.
type loop struct {
	head  string
	body  string
	off   int
	chunk int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.head != "" {
		n := copy(p, l.head)
		l.head = l.head[n:]
		return n, nil
	}
	room := l.chunk - l.off%l.chunk
	n := copy(p[:min(len(p), room)], l.body[l.off%len(l.body):])
	l.off += n
	return n, nil
}

func newLoop(t require.TestingT, chunk int, stanzas ...string) *xmlstream.Reader {
	body := strings.Join(stanzas, "")
	r := xmlstream.NewReader(&loop{head: header, body: strings.Repeat(body, 1+1<<20/len(body)), chunk: chunk}, xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	return r
}

func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name    string
		stanzas []string
	}{
		{"mix", mix[:]}, {"chat", mix[:1]}, {"presence", mix[1:2]}, {"iq", mix[2:3]}, {"archive", mix[3:4]},
	} {
		for _, chunk := range []int{1, 1460, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%d", c.name, chunk), func(b *testing.B) {
				r := newLoop(b, chunk, c.stanzas...)
				b.SetBytes(int64(len(strings.Join(c.stanzas, "")) / len(c.stanzas)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := r.Next(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
			})
		}
	}
}

func BenchmarkText(b *testing.B) {
	for name, s := range map[string]string{"ascii": "Wherefore art thou? ", "cyrillic": "Ромео, о зачем же ты Ромео? ",
		"mixed": "soft what naïve café &lt;b&gt; grüße привет 月が綺麗 through yonder window 👍 R&amp;D breaks it is the east and juliet "} {
		b.Run(name, func(b *testing.B) {
			in := "<a>" + strings.Repeat(s, 64<<10/len(s)) + "</a>"
			r := newLoop(b, 64<<10, in)
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	var all []xmlstream.Element
	for _, s := range mix {
		e, err := xmlstream.Parse(s, xmlstream.Limits{})
		require.NoError(b, err)
		all = append(all, e)
	}
	var buf []byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		buf = all[i%len(all)].Append(buf[:0], "")
		i++
	}
}

func TestAllocations(t *testing.T) {
	for i, s := range mix {
		r := newLoop(t, 1460, s)
		n := testing.AllocsPerRun(1000, func() {
			e, err := r.Next()
			if err != nil || e.IsZero() {
				t.Error(err)
			}
		})
		require.LessOrEqual(t, n, 3.0, "mix %d", i)

		e, err := r.Next()
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			for c := range e.Children() {
				_, _ = c.Text(), c.Attr("id")
				_ = c.Is("urn:xmpp:receipts", "request")
			}
			_ = e.Child("jabber:client", "body").Text()
		}), "looking at mix %d", i)

		var w xmlstream.Writer
		buf := make([]byte, 0, 4096)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			w.Reset(buf, "jabber:client")
			w.Start("jabber:client", "message")
			w.Attr("to", "a")
			w.Element(e)
			w.End()
		}), "writing mix %d", i)
	}
}
