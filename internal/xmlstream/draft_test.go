package xmlstream_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// Drafts that another goroutine keeps, late and in any order, are what was read, whatever was read since and wherever the source paused.
func TestDraftsLast(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	var doc strings.Builder
	doc.WriteString("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
	const stanzas = 2000
	want := make(map[string]int) // children by id
	for i := range stanzas {
		n := r.IntN(20)
		switch r.IntN(100) {
		case 0:
			n = 700 // more than there is room for
		case 1:
			n = 300 // more than there is room left for
		}
		id := fmt.Sprint(i)
		want[id] = n
		doc.WriteString("<message id='" + id + "'>" + strings.Repeat("<x xmlns='urn:x'/>", n) + "</message>")
	}
	source := &pauses{r: r, b: doc.String()}
	reader := xmlstream.NewReader(source, xmlstream.Limits{})
	_, err := reader.Header()
	require.NoError(t, err)

	drafts := make(chan []xmlstream.Draft, 4)
	go func() {
		defer close(drafts)
		var held []xmlstream.Draft
		for range stanzas {
			d, err := reader.Draft()
			if err != nil {
				t.Error(err)
				return
			}
			if held = append(held, d); len(held) > 50 {
				drafts <- held
				held = nil
			}
		}
		drafts <- held
	}()
	var kept []xmlstream.Element
	for held := range drafts {
		for i := range held {
			held[i], held[len(held)-1] = held[len(held)-1], held[i] // not in the order of reading
		}
		for i, d := range held {
			if i%10 == 3 {
				delete(want, d.Element().Attr("id"))
				d.Drop()
			} else {
				kept = append(kept, d.Keep())
			}
		}
	}
	for _, e := range kept {
		id, n := e.Attr("id"), 0
		for c := range e.Children() {
			require.True(t, c.Is("urn:x", "x"))
			n++
		}
		children, asked := want[id]
		require.True(t, asked, "id %q", id)
		require.Equal(t, children, n)
		delete(want, id)
	}
	require.Empty(t, want)
}

// What comes alone doesn't hold a large lot while it waits, and a draft that is kept or dropped is nothing any more: its lot may be in other hands.
func TestDraftsHoldLittle(t *testing.T) {
	few := "<message>" + strings.Repeat("<x/>", 65) + "</message>"
	reader := xmlstream.NewReader(strings.NewReader(header+few), xmlstream.Limits{})
	_, err := reader.Header()
	require.NoError(t, err)
	d, err := reader.Draft()
	require.NoError(t, err)
	require.Equal(t, d.Element(), d.Keep(), "it is made to last at once")

	reader = xmlstream.NewReader(strings.NewReader(header+"<a/><b/>"), xmlstream.Limits{})
	_, err = reader.Header()
	require.NoError(t, err)
	a, err := reader.Draft()
	require.NoError(t, err)
	b, err := reader.Draft()
	require.NoError(t, err)
	require.Equal(t, "a", a.Keep().Local())
	require.True(t, a.Keep().IsZero())
	a.Drop()
	b.Drop()
	require.True(t, b.Keep().IsZero())
	require.True(t, xmlstream.Draft{}.Keep().IsZero())
}

// pauses is a source that brings little or much.
type pauses struct {
	r *rand.Rand
	b string
}

func (p *pauses) Read(to []byte) (int, error) {
	n := copy(to, p.b[:min(len(p.b), 1+p.r.IntN(1<<(1+p.r.IntN(16))))])
	p.b = p.b[n:]
	return n, nil
}
