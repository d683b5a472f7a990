//go:build race

package hostile_test

// raced: every step takes many times as long, so fewer are taken.
const raced = true
