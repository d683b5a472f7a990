package rsm_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xmpptest"
)

var samples = []any{
	rsm.Request{Max: 10, After: "a", Before: "b"},
	rsm.Request{Max: 10, Last: true},
	rsm.Request{Index: 371, Count: true},
	rsm.Result{First: "f", Last: "l", Index: 10, Indexed: true, Count: 800, Counted: true},
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples...) }

func TestZeroIsWritten(t *testing.T) {
	for want, v := range map[string]any{
		`<set xmlns='http://jabber.org/protocol/rsm'/>`:                                                           rsm.Request{},
		`<set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>`:                                          rsm.Request{Max: 5, Count: true},
		`<set xmlns='http://jabber.org/protocol/rsm'><before/></set>`:                                             rsm.Request{Last: true},
		`<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>`:                                      rsm.Result{Counted: true},
		`<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>a</last></set>`:              rsm.Result{First: "a", Last: "a", Indexed: true},
		`<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><after>a</after><before>b</before></set>`:        rsm.Request{Max: 2, After: "a", Before: "b"},
		`<set xmlns='http://jabber.org/protocol/rsm'><max>2</max><index>7</index></set>`:                          rsm.Request{Max: 2, Index: 7},
		`<set xmlns='http://jabber.org/protocol/rsm'><first>a &lt; b</first><last>c</last><count>3</count></set>`: rsm.Result{First: "a < b", Last: "c", Count: 3, Counted: true},
	} {
		e, err := stanza.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, want, e.String())
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	long := strings.Repeat("x", 4097)
	for _, v := range []any{
		rsm.Request{Max: -1}, rsm.Request{Index: -1}, rsm.Request{Index: 1, After: "a"}, rsm.Request{Index: 1, Before: "a"}, rsm.Request{Index: 1, Last: true},
		rsm.Request{Last: true, Before: "a"}, rsm.Request{After: long}, rsm.Request{Before: long},
		rsm.Result{Index: -1}, rsm.Result{Count: -1}, rsm.Result{First: "a"}, rsm.Result{Last: "a"}, rsm.Result{First: long, Last: "a"},
	} {
		_, err := stanza.Marshal(v)
		require.ErrorContains(t, err, "rsm: ")
	}
}

func result(t *testing.T, inside string) (rsm.Result, error) {
	t.Helper()
	e, err := stanza.Parse(`<set xmlns="http://jabber.org/protocol/rsm">` + inside + `</set>`)
	require.NoError(t, err)
	return stanza.Decode[rsm.Result](e)
}

func TestDecodeIsLenientWithNumbers(t *testing.T) {
	for _, bad := range []string{"x", "-1", "99999999999999999999", "1.5", "2147483648"} {
		r, err := result(t, `<first index="`+bad+`">f</first><last>l</last><count>`+bad+`</count>`)
		require.NoError(t, err)
		require.Error(t, r.Fault)
		r.Fault = nil
		require.Equal(t, rsm.Result{First: "f", Last: "l"}, r)

		e, err := stanza.Parse(`<set xmlns="http://jabber.org/protocol/rsm"><max>` + bad + `</max></set>`)
		require.NoError(t, err)
		_, err = stanza.Decode[rsm.Request](e)
		require.Error(t, err, "who asks for nonsense is told")
	}
	_, err := result(t, "<last>"+strings.Repeat("x", 4097)+"</last>")
	require.Error(t, err)
}

// list answers requests for the numbers from 0 to n-1, whose IDs they are.
func list(n int, asked *[]rsm.Request) func(context.Context, rsm.Request) (rsm.Page[int], error) {
	return func(_ context.Context, r rsm.Request) (rsm.Page[int], error) {
		*asked = append(*asked, r)
		from, to := 0, n
		if r.After != "" {
			from, _ = strconv.Atoi(r.After)
			from++
		}
		if r.Before != "" {
			to, _ = strconv.Atoi(r.Before)
		}
		if r.Backwards() {
			from = max(from, to-r.Max)
		}
		p := rsm.Page[int]{Result: rsm.Result{Count: n, Counted: true}}
		for i := from; i < min(to, from+r.Max); i++ {
			p.Items = append(p.Items, i)
			p.Result.Last = strconv.Itoa(i)
		}
		if len(p.Items) > 0 {
			p.Result.First = strconv.Itoa(from)
		}
		return p, nil
	}
}

func collect(t *testing.T, first rsm.Request, fetch func(context.Context, rsm.Request) (rsm.Page[int], error)) (got []int, err error) {
	t.Helper()
	for i, e := range rsm.Items(t.Context(), first, fetch) {
		if err = e; err == nil {
			got = append(got, i)
		}
	}
	return got, err
}

func TestItems(t *testing.T) {
	for name, test := range map[string]struct {
		first rsm.Request
		n     int
		want  []int
		asked int
	}{
		"forwards":          {rsm.Request{Max: 2}, 5, []int{0, 1, 2, 3, 4}, 4},
		"from an item":      {rsm.Request{Max: 2, After: "1"}, 5, []int{2, 3, 4}, 3},
		"to an item":        {rsm.Request{Max: 2, Before: "3"}, 5, []int{2, 1, 0}, 3},
		"backwards":         {rsm.Request{Max: 2, Last: true}, 5, []int{4, 3, 2, 1, 0}, 4},
		"back to an item":   {rsm.Request{Max: 2, Last: true, After: "1"}, 5, []int{4, 3, 2}, 3},
		"nothing there":     {rsm.Request{Max: 2}, 0, nil, 1},
		"only how many":     {rsm.Request{Count: true}, 5, nil, 1},
		"no page is needed": {rsm.Request{Max: 9}, 5, []int{0, 1, 2, 3, 4}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []rsm.Request
			before := test.first
			for range 2 { // each range begins anew
				asked = nil
				got, err := collect(t, test.first, list(test.n, &asked))
				require.NoError(t, err)
				require.Equal(t, test.want, got)
				require.Len(t, asked, test.asked)
			}
			require.Equal(t, before, asked[0])
		})
	}
}

func TestBreakAsksNoMore(t *testing.T) {
	var asked []rsm.Request
	for i, err := range rsm.Items(t.Context(), rsm.Request{Max: 2}, list(100, &asked)) {
		require.NoError(t, err)
		if i == 2 {
			break
		}
	}
	require.Len(t, asked, 2)
}

func TestCompleteSavesARequest(t *testing.T) {
	var asked []rsm.Request
	fetch := list(4, &asked)
	got, err := collect(t, rsm.Request{Max: 2}, func(ctx context.Context, r rsm.Request) (rsm.Page[int], error) {
		p, err := fetch(ctx, r)
		p.Complete = slices.Contains(p.Items, 3)
		return p, err
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3}, got)
	require.Len(t, asked, 2)
}

func TestAPageWhoseItemsWereUnreadableIsNotTheLast(t *testing.T) {
	var asked []rsm.Request
	fetch := list(6, &asked)
	got, err := collect(t, rsm.Request{Max: 2}, func(ctx context.Context, r rsm.Request) (rsm.Page[int], error) {
		p, err := fetch(ctx, r)
		if r.After == "1" {
			p.Items = nil
		}
		return p, err
	})
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 4, 5}, got)
}

func TestErrorsComeLast(t *testing.T) {
	broken := errors.New("broken")
	var asked []rsm.Request
	fetch := list(9, &asked)
	got, err := collect(t, rsm.Request{Max: 2}, func(ctx context.Context, r rsm.Request) (rsm.Page[int], error) {
		if r.After == "3" {
			return rsm.Page[int]{}, broken
		}
		return fetch(ctx, r)
	})
	require.Equal(t, []int{0, 1, 2, 3}, got)
	require.ErrorIs(t, err, broken)

	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var last error
	for i, err := range rsm.Items(ctx, rsm.Request{Max: 2}, list(9, &asked)) {
		if last = err; i == 1 {
			cancel(broken)
		}
	}
	require.ErrorIs(t, last, broken)
}

func TestCirclesEnd(t *testing.T) {
	for lead := range 6 {
		for length := 1; length < 40; length++ {
			fetched := 0
			got, err := collect(t, rsm.Request{Max: 1}, func(context.Context, rsm.Request) (rsm.Page[int], error) {
				at := fetched
				if at >= lead {
					at = lead + (at-lead)%length
				}
				fetched++
				id := strconv.Itoa(at)
				return rsm.Page[int]{Items: []int{at}, Result: rsm.Result{First: id, Last: id}}, nil
			})
			require.ErrorIs(t, err, rsm.ErrCircular)
			require.GreaterOrEqual(t, len(got), min(fetched-1, lead+length))
			require.LessOrEqual(t, fetched, 3*(lead+length)+2)
		}
	}
}

// Items that can't be read may be missing from any page, but not from all that ever come.
func TestPagesWithoutItemsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		every   int // so many pages there is an item
		pages   int
		endless bool
	}{
		"none":               {1 << 30, 1 << 30, true},
		"now and then":       {200, 5000, false},
		"too seldom":         {202, 5000, true},
		"the last is empty":  {1 << 30, 200, false},
		"one page too many":  {1 << 30, 201, true},
		"an item at the end": {199, 199, false},
	} {
		t.Run(name, func(t *testing.T) {
			fetched := 0
			_, err := collect(t, rsm.Request{Max: 1}, func(context.Context, rsm.Request) (rsm.Page[int], error) {
				fetched++
				id := strconv.Itoa(fetched)
				p := rsm.Page[int]{Result: rsm.Result{First: id, Last: id}, Complete: fetched == test.pages}
				if fetched%test.every == 0 {
					p.Items = []int{fetched}
				}
				return p, nil
			})
			if !test.endless {
				require.NoError(t, err)
				require.Equal(t, test.pages, fetched)
				return
			}
			require.ErrorIs(t, err, rsm.ErrEndless)
			require.LessOrEqual(t, fetched, 202+200)
		})
	}
}

func TestALongListIsNoCircle(t *testing.T) {
	var asked []rsm.Request
	got, err := collect(t, rsm.Request{Max: 1}, list(3000, &asked))
	require.NoError(t, err)
	require.Len(t, got, 3000)
}
