// Bench measures how fast the library is beside its peers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	only := flag.String("only", "", "comma-separated `measurements`; none: all")
	rounds := flag.Int("rounds", 5, "how often each is measured")
	peers := flag.String("peers", "", "comma-separated `names`; none: all")
	scale := flag.Float64("scale", 1, "of the numbers of stanzas")
	flag.Parse()
	l, err := newLab(ctx, list(*peers), os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.rounds, l.scale = *rounds, *scale
	for _, a := range l.absent {
		l.printf("not measured: %s\n", a)
	}
	_ = only
	all, err := throughput(ctx, l)
	if err != nil {
		return err
	}
	printThroughput(l, all)
	return nil
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
