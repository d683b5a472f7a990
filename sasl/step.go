package sasl

// step is where an exchange stands.
type step int

const (
	start    step = iota // nothing sent
	first                // the initial response sent
	final                // the last response sent: the server's turn to prove itself
	verified             // SCRAM: it has, in a challenge
	done                 // Finish has accepted
	failed               // over
)
