package rsm_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gosmack/xmpp/xep/rsm"
)

func Example() {
	names := []string{"Francisco", "Barnardo", "Horatio", "Marcellus", "Hamlet"}
	// A protocol would put r into its request and find the result in the answer.
	fetch := func(_ context.Context, r rsm.Request) (rsm.Page[string], error) {
		from := 0
		if r.After != "" {
			from, _ = strconv.Atoi(r.After)
		}
		to := min(from+r.Max, len(names))
		if from == to {
			return rsm.Page[string]{}, nil
		}
		fmt.Println("page from", from)
		return rsm.Page[string]{Items: names[from:to], Result: rsm.Result{First: strconv.Itoa(from + 1), Last: strconv.Itoa(to)}}, nil
	}

	for name, err := range rsm.Items(context.Background(), rsm.Request{Max: 2}, fetch) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(name)
	}
	// Output:
	// page from 0
	// Francisco
	// Barnardo
	// page from 2
	// Horatio
	// Marcellus
	// page from 4
	// Hamlet
}
