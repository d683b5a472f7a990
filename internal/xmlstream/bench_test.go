package xmlstream_test

import (
	"fmt"
	"math/rand/v2"
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

// varied returns messages of which no two are alike, as a processor that learns the branches of four by
// heart can't with those of a real stream. Their words are of many scripts, some of them escaped.
func varied(n int) (stanzas []string) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("but soft what light through yonder window breaks it is the east and juliet is the sun arise fair sun kill envious moon " +
		"who already sick pale with grief that thou her maid art far more than she naïve café grüße Überraschung привет 月が綺麗 👍 R&amp;D x&lt;y don't \"quoted\"")
	names := strings.Fields("romeo juliet benvolio mercutio tybalt rosaline paris nurse friar montague capulet balthasar")
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	for range n {
		var body strings.Builder
		for range 10 + r.IntN(60) {
			body.WriteString(pick(words))
			body.WriteByte(' ')
		}
		stanzas = append(stanzas, fmt.Sprintf(`<message from='%s%d@verona.example/%s' to='romeo@montague.lit/orchard' id='%08x-%04x' type='chat'><body>%s</body>`+
			`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@montague.lit' id='%08x'/></message>`,
			pick(names), r.IntN(20), pick(names), r.Uint32(), r.Uint32N(1<<16), body.String(), r.Uint32()))
	}
	return stanzas
}

func BenchmarkReader(b *testing.B) {
	for _, c := range []struct {
		name    string
		stanzas []string
	}{
		{"mix", mix[:]}, {"varied", varied(1000)}, {"chat", mix[:1]}, {"presence", mix[1:2]}, {"iq", mix[2:3]}, {"archive", mix[3:4]},
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
