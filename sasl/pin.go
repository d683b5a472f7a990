package sasl

import "strings"

// Pin remembers that an account once logged in with a mechanism that does not
// hand over its secret. XEP-0474, "Business Rules", wants that fact pinned, and
// not the very mechanism, so that a server may change its mind between strong ones.
//
// The zero Pin remembers nothing. It is a string so that []byte(pin) and
// Pin(bytes) store it; anything but the empty string pins, so damage to the stored value fails safe.
type Pin string

// PinStrong is the pin of an account that has used SCRAM or EXTERNAL.
const PinStrong Pin = "strong"

// After returns the pin after a login with the named mechanism, which the
// caller stores when it differs. Call it only when [Exchange.Finish] has returned nil.
func (p Pin) After(mechanism string) Pin {
	if p == "" && (mechanism == nameExternal || strings.HasPrefix(mechanism, "SCRAM-")) {
		return PinStrong
	}
	return p
}
