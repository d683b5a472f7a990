package main

import (
	"context"
	"slices"
)

// A contender is a client program, and how much it reads to be busy for about a second.
type contender struct {
	name    string // for -peers
	title   string
	module  string // whose version is told, if it is a Go module
	mix     string
	n       int
	blind   bool // it reads bytes and knows no stanzas
	ours    bool
	prepare func(context.Context, *lab) error
	command func(*lab) []string
	version string // where it is no Go module; set by prepare
}

func (c *contender) named(names []string) bool { return slices.Contains(names, c.name) }

// program is a contender that is a Go program of this module.
func program(name, dir, title string, n int, args ...string) *contender {
	return &contender{name: name, title: title, mix: "full", n: n,
		prepare: func(ctx context.Context, l *lab) error { return l.build(ctx, dir, "./clients/"+dir) },
		command: func(l *lab) []string { return append([]string{l.path(dir)}, args...) },
	}
}

// contenders are all, in the order of the tables. Each is measured alone.
func contenders() []*contender {
	ours := program("ours", "ours", "this library", 200_000)
	ours.ours = true
	mellium := program("mellium", "mellium", "mellium.im/xmpp", 40_000)
	mellium.module = "mellium.im/xmpp"
	goxmpp := program("goxmpp", "goxmpp", "xmppo/go-xmpp", 40_000)
	goxmpp.module = "github.com/xmppo/go-xmpp"
	raw := program("raw", "raw", "reading the socket and looking at nothing", 200_000)
	tokens := program("tokens", "raw", "encoding/xml, raw tokens", 80_000, "-parse")
	raw.blind, tokens.blind = true, true
	return []*contender{ours, mellium, goxmpp, raw, tokens}
}
