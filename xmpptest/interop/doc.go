// Package interop has only tests: one table of scenarios that runs on every
// server there is, the one of package xmpptest over TCP, Prosody and ejabberd, as
// TestInterop/<scenario>/<server>. Servers and foreign clients that are not
// installed are named when the tests end.
package interop
