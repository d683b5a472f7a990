package xmlstream

import "math/bits"

const ones, tops = 0x0101010101010101, 0x8080808080808080

// load returns eight bytes of s, the first one lowest. The compiler makes one
// instruction of it.
func load(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// below has the top bit of each byte of x set that is less than n ≤ 128, up to
// and with the lowest such byte; what it says of those above is not to be relied
// on.
func below(x, n uint64) uint64 { return (x - ones*n) &^ x & tops }

// equal is below for bytes that are c.
func equal(x uint64, c byte) uint64 { x ^= ones * uint64(c); return (x - ones) &^ x & tops }

// lowest is the index of the lowest byte whose top bit is set, 8 if none is.
func lowest(x uint64) int { return bits.TrailingZeros64(x) / 8 }

// plainRun is the index from i on of the first byte of s that is control or beyond
// ASCII, or has a meaning in XML: < > & ' ". It may stop at the end of s alone.
func plainRun(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := load(s, i)
		// < and > differ in one bit, and so do & and '.
		stop := x&tops | below(x, 0x20) | equal(x|ones*2, '>') | equal(x|ones, '\'') | equal(x, '"')
		if stop != 0 {
			return i + lowest(stop)
		}
	}
	if rest := len(s) - i; rest > 0 && len(s) >= 8 {
		// The last eight again, without those that were seen.
		x := load(s, len(s)-8)
		stop := (x&tops | below(x, 0x20) | equal(x|ones*2, '>') | equal(x|ones, '\'') | equal(x, '"')) >> (64 - 8*rest)
		if stop == 0 {
			return len(s)
		}
	}
	for i < len(s) && class[s[i]]&written != 0 {
		i++
	}
	return i
}
