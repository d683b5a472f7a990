# `make test` is all there is to know: it installs the servers the interop tests
# talk to where it can, and runs every test. No target needs anything but Go,
# make and bash.
SHELL := /bin/bash
GO ?= go
FUZZTIME ?= 30s

.PHONY: test check fmt fuzz soak reliability security bench bench-quick

test:
	@scripts/run-tests $(GO)

# The quick look before a commit: no servers are installed, nothing is raced.
check:
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test ./...

fmt:
	gofmt -w .

# Each fuzz target in turn, FUZZTIME each.
fuzz:
	@scripts/fuzz $(GO) $(FUZZTIME)

# Connections that break at random places: SEEDS runs of 10 000 messages each way
# and 200 cuts at each end, where `make test` has 5; and one that breaks at every
# byte, where `make test` has each thirteenth.
SEEDS ?= 100
soak:
	XMPP_SOAK_SEEDS=$(SEEDS) XMPP_SOAK_STEP=1 XMPP_SOAK_EACH=1000 XMPP_SOAK_SENDS=100000 XMPP_SOAK_STANZAS=100000 XMPP_SOAK_LIVES=1000 \
		$(GO) test -count=1 -timeout 60m -v -run '^(TestNothingIsLostOrDoubled|TestEveryOffset|TestOrderOfManySenders|TestCancelledSends|TestTheServersQueue|TestAThousandLives)$$' .

# Measures what docs/reliability.md promises, and writes it there.
reliability:
	@scripts/reliability $(GO)

# Runs every row of docs/security.md and writes there what was shown.
security:
	$(GO) test -count=1 -timeout 20m -run '^TestHostile$$' ./xmpptest/hostile -hostile.write -hostile.full

# Measures the library beside its peers, which are a module of their own, and writes
# docs/performance.md and its plots. ROUNDS is how often each is measured.
ROUNDS ?= 5
bench:
	@cd bench && $(GO) run . -rounds $(ROUNDS) -docs ../docs

# The main figures in less than two minutes, printed.
bench-quick:
	@cd bench && $(GO) run . -quick
