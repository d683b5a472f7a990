package ping

// Request is the payload, for the tests of package ping_test.
type Request = ping
