# `make test` is all there is to know: it installs the servers the interop tests
# talk to where it can, and runs every test. No target needs anything but Go,
# make and bash.
SHELL := /bin/bash
GO ?= go
FUZZTIME ?= 30s

.PHONY: test check fmt fuzz

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
