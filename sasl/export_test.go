package sasl

import "crypto/sha1"

// Prepare shows SASLprep to the tests.
var Prepare = prepare

// SkipPrepare undoes SASLprep in a SCRAM exchange that has not begun, for
// vectors that were made without it.
func SkipPrepare(x Exchange, user, password string) {
	s := x.(*scram)
	s.user, s.password = user, password
	s.bare = "n=" + escape(user) + ",r=" + s.nonce
}

// ProofSHA1 computes proof and server signature for messages that this package
// would write differently.
func ProofSHA1(password string, salt []byte, iterations int, authMessage string) (proof, signature []byte, err error) {
	d := digest{"SHA-1", sha1.New}
	k, err := d.derive(password, salt, iterations)
	if err != nil {
		return nil, nil, err
	}
	return d.proof(k, authMessage), d.signature(k, authMessage), nil
}
