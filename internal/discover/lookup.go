package discover

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"
)

const (
	// maxEndpoints bounds what a zone can make a client do.
	maxEndpoints = 16
	// secondAnswer is how long one service waits for the other's answer.
	secondAnswer = time.Second
)

// ErrNoService is the answer of a domain whose SRV records say that there is no service (RFC 2782: target ".").
var ErrNoService = errors.New("the domain's DNS says that it has no XMPP service for clients")

var (
	errSlow     = errors.New("no answer within a second of the other service's")
	errUnusable = errors.New("no usable target in the records")
)

// service is one of the two SRV services of a domain.
type service struct {
	name   string
	direct bool
}

var services = [2]service{{"xmpps-client", true}, {"xmpp-client", false}}

// answer is what DNS says about one service. All three empty means no records.
type answer struct {
	found  []record
	absent bool // explicitly: target "."
	err    error
}

// Lookup finds the endpoints of a domain, in the order in which they should be tried, at most 16. It blocks until DNS
// has answered or ctx ends, and may be called concurrently.
//
// Both services, _xmpps-client (direct TLS) and _xmpp-client (STARTTLS), are asked at the same time, and their records
// are ordered as one set (RFC 2782, XEP-0368 §3). Once one has answered with records the other gets one more second.
// Without any records the domain itself at port 5222 with STARTTLS is the only endpoint (RFC 6120 §3.2.2). Where one
// service is explicitly absent and the other has no records either there is no such fallback (XEP-0368 §5), and the error
// is [ErrNoService]. A domain that is an IP address is its own endpoint; internationalised names are asked as A-labels.
//
// Endpoints and an error may come together, as with net.Resolver.LookupSRV: the endpoints are to be tried, and the
// error says which service could not be asked and why, which matters when none of them works. Without endpoints the
// error says why: a domain that is none, [ErrNoService], the resolver's error, or context.Cause(ctx), all wrapped.
func Lookup(ctx context.Context, r Resolver, domain string) ([]Endpoint, error) {
	name, err := asciiName(domain)
	if err != nil {
		return nil, fmt.Errorf("domain %w", err)
	}
	itself := []Endpoint{{Host: name, Port: defaultPort}}
	if _, ok := literal(name); ok {
		return itself, nil
	}
	answers := ask(ctx, r, name)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("SRV lookup of %s: %w", name, context.Cause(ctx))
	}
	var records []record
	var absent bool
	for _, a := range answers {
		records = append(records, a.found...)
		absent = absent || a.absent
	}
	err = errors.Join(answers[0].err, answers[1].err)
	switch {
	case len(records) > 0:
		return order(records, maxEndpoints, rand.Uint64N), err
	case !absent:
		return itself, err
	case err == nil:
		err = fmt.Errorf("%s: %w", name, ErrNoService)
	}
	return nil, err
}

// ask looks both services up. It waits for the resolver, but not for one that has forgotten its context.
func ask(ctx context.Context, r Resolver, domain string) (answers [2]answer) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type indexed struct {
		answer
		i int
	}
	got := make(chan indexed, len(services)) // never blocks its senders
	for i, s := range services {
		answers[i].err = fmt.Errorf("SRV lookup of _%s._tcp.%s: the resolver does not return", s.name, domain)
		go func() { got <- indexed{askOne(ctx, r, s, domain), i} }()
	}
	done := ctx.Done()
	var hurry, abandon <-chan time.Time
	for pending := len(services); pending > 0; {
		select {
		case a := <-got:
			pending--
			answers[a.i] = a.answer
			if len(a.found) > 0 {
				hurry = time.After(secondAnswer)
			}
		case <-hurry:
			cancel(errSlow)
		case <-done:
			done, abandon = nil, time.After(grace)
		case <-abandon:
			return answers
		}
	}
	return answers
}

// askOne looks one service up and reads the answer.
func askOne(ctx context.Context, r Resolver, s service, domain string) answer {
	_, srv, err := r.LookupSRV(ctx, s.name, "tcp", domain+".")
	if notFound, ok := errors.AsType[*net.DNSError](err); ok && notFound.IsNotFound {
		err = nil // no records is an answer
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var a answer
	a.found, a.absent = read(srv, s.direct)
	if err == nil && len(srv) > 0 && len(a.found) == 0 && !a.absent {
		err = errUnusable
	}
	if err != nil {
		a.err = fmt.Errorf("SRV lookup of _%s._tcp.%s: %w", s.name, domain, err)
	}
	return a
}

// read takes the usable records. A target is a name, neither empty nor an address (RFC 2782).
func read(srv []*net.SRV, direct bool) (found []record, absent bool) {
	for _, r := range srv {
		if r == nil {
			continue
		}
		if r.Target == "." {
			absent = true
			continue
		}
		host := strings.TrimSuffix(r.Target, ".")
		if _, ip := literal(host); ip || r.Port == 0 || nameFault(host) != "" {
			continue
		}
		found = append(found, record{Endpoint{host, r.Port, direct}, r.Priority, r.Weight})
	}
	return found, absent && len(found) == 0
}
