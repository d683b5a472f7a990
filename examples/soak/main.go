// Soak lets bots write to each other through a network that breaks, and counts what arrives:
//
//	soak -bots 10 -messages 10000 -cuts 500 -duration 10m
//
// Without -address the server is in this process, and is restarted now and then, too. On a real one each bot needs an account:
//
//	soak -address localhost:5222 -domain example.org -accounts a:secret,b:secret -unverified
//
// The exit status is 1 where anything was lost, doubled or out of order, or was left in a bot.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// settings are the flags.
type settings struct {
	bots, messages, cuts      int
	seed                      uint64
	duration                  time.Duration
	address, domain, accounts string
	unverified                bool
}

func parse(args []string, stderr io.Writer) (*settings, error) {
	s := new(settings)
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&s.bots, "bots", 4, "how many bots, where -accounts doesn't say")
	flags.IntVar(&s.messages, "messages", 1000, "how many `messages` each bot sends to the next one")
	flags.IntVar(&s.cuts, "cuts", 50, "how many connections are cut, of all bots together")
	flags.Uint64Var(&s.seed, "seed", 1, "what decides when and how")
	flags.DurationVar(&s.duration, "duration", time.Minute, "over which `time` the messages are sent")
	flags.StringVar(&s.address, "address", "", "`host:port` of a real server")
	flags.StringVar(&s.domain, "domain", "", "its `domain`")
	flags.StringVar(&s.accounts, "accounts", "", "the bots' accounts there, `user:password,…`")
	flags.BoolVar(&s.unverified, "unverified", false, "believe any certificate")
	err := flags.Parse(args)
	if err == nil && (s.bots < 2 || s.messages < 1 || s.cuts < 0 || s.duration <= 0) {
		err = fmt.Errorf("two bots, one message and some time are the least")
	}
	return s, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
		return 2
	}
	whole, err := soak(ctx, s, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "soak:", err)
	}
	if err != nil || !whole {
		return 1
	}
	return 0
}
