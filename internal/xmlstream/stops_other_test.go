//go:build !amd64

package xmlstream

// plainly runs f as it is.
func plainly(f func()) { f() }
