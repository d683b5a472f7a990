//go:build race

package stanza_test

const raceEnabled = true
