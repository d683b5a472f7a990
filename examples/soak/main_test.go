package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func soaked(ctx context.Context, args string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, strings.Fields(args), &out, &errs)
	return status, out.String(), errs.String()
}

func TestSmall(t *testing.T) {
	status, stdout, stderr := soaked(t.Context(), "-bots 3 -messages 100 -cuts 6 -duration 2s")
	require.Zero(t, status, stderr+stdout)
	require.Contains(t, stdout, "300 messages: 0 lost, 0 doubled, 0 out of order, 0 left")
	require.Regexp(t, `reconnects [1-9]\d*, resumes [1-9]`, stdout, "the network broke")
	require.Regexp(t, `(?m)^ +1s sent `, stdout)
}

// What goes wrong is found: here by a ledger that was told so.
func TestVerdicts(t *testing.T) {
	for want, numbers := range map[string][]int{
		"0 lost, 0 doubled, 0 out of order": {0, 1, 2},
		"1 lost, 0 doubled, 0 out of order": {0, 2},
		"0 lost, 1 doubled, 0 out of order": {0, 1, 1, 2},
		"0 lost, 0 doubled, 1 out of order": {0, 2, 1},
	} {
		l, out := newLedger(2, 3), new(bytes.Buffer)
		for range 3 {
			l.send()
		}
		for _, n := range append(numbers, -1, 3) { // some are nobody's
			l.receive(1, n)
		}
		l.receive(2, 0)
		require.Equal(t, len(numbers) == 3 && numbers[1] == 1, verdict(out, nil, l), want)
		require.Contains(t, out.String(), want)
	}
}

func TestFailures(t *testing.T) {
	for args, want := range map[string]int{
		"-bots 1":                                2,
		"-nonsense":                              2,
		"-address x -domain y -accounts a:b":     1,
		"-address x -domain y -accounts a:b,@:c": 1,
	} {
		status, _, stderr := soaked(t.Context(), args)
		require.Equal(t, want, status, args)
		require.NotEmpty(t, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, _, _ := soaked(ctx, "-messages 1")
	require.Equal(t, 1, status)
}
