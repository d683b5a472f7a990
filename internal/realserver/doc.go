// Package realserver starts XMPP servers that nobody here wrote, Prosody and
// ejabberd, as child processes for tests. Each gets free loopback ports, its own
// folders, a certificate of a test authority made on the spot, and no way to
// reach beyond loopback: server-to-server links and name look-ups are off.
//
// A server dies with the test process, however that one ends: [Server.Stop]
// ends it in an orderly way, and on Linux the kernel ends it when the test
// process is killed.
//
// A server that is not installed is no failure of the tests. [StartAll] and
// [Main] list it as missing, and [Report] puts the list where a person sees it.
// Only tests import this package.
package realserver
