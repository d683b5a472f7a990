package mam

// The payloads that only the archive and we write, for the tests of package mam_test.
type (
	QueryPayload = query
	Result       = result
	Fin          = fin
)
