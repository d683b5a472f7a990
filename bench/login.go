package main

import (
	"context"
)

// logins compares what authenticating costs the first time and again.
func logins(ctx context.Context, l *lab) (*section, error) {
	m, err := l.rallies(ctx, "login", l.scaled(100), "-addr", l.server.TLS, "-ca", l.ca)
	if err != nil {
		return nil, err
	}
	s := &section{name: "login"}
	s.row("login", "CPU ms of Login", "CPU µs of the mechanism alone")
	v := m["ours"]
	if v == nil {
		return s, nil
	}
	ms, us := scale(1e-3, hundredths), scale(1e-6, tenths)
	s.row("by password, SCRAM-SHA-256 with 4096 iterations", spread(v["first"], ms), spread(v["scram"], us))
	s.row("again, by token", spread(v["again"], ms), spread(v["token"], us))
	s.row("again on the same connection, SCRAM with its keys at hand", "", spread(v["cached"], us))
	q := v["first"].Over(v["again"])
	s.goal(q.Median() >= 20, "CPU of a first login against one by token, all of Login", spread(q, tenths)+" ×", "≥ 20 ×")
	q = v["scram"].Over(v["token"])
	s.goal(q.Median() >= 20, "CPU of a first login against one by token, the mechanism alone", spread(q, tenths)+" ×", "≥ 20 ×")
	s.note("Login is everything behind TLS: the mechanism, binding, the roster, stream management, presence.")
	return s, nil
}
