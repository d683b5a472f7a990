package csi

// What is told, for the tests of package csi_test.
type (
	ActiveState   = active
	InactiveState = inactive
)
