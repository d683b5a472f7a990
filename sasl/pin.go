package sasl

import "strings"

// Pin remembers that an account once logged in with a mechanism that does not
// hand over its secret. XEP-0474, "Business Rules", wants that fact pinned, and
// not the very mechanism, so that a server may change its mind between strong ones.
//
// The zero Pin remembers nothing. It is a string so that []byte(pin) and
// Pin(bytes) store it; anything but the empty string pins, so damage to the stored value fails safe.
type Pin string

// PinStrong is the pin of an account that has used SCRAM, EXTERNAL or a token, PinBound of one that has bound a login to the channel: then
// a server that no longer tells its types of channel binding is not believed.
const (
	PinStrong Pin = "strong"
	PinBound  Pin = "bound"
)

// After returns the pin after a login with the named mechanism, which the
// caller stores when it differs. Call it only when [Exchange.Finish] has returned nil.
func (p Pin) After(mechanism string) Pin {
	token := strings.HasPrefix(mechanism, "HT-")
	switch {
	case strings.HasSuffix(mechanism, "-PLUS"), token && !strings.HasSuffix(mechanism, "-NONE"):
		return PinBound
	case p == "" && (mechanism == nameExternal || token || strings.HasPrefix(mechanism, "SCRAM-")):
		return PinStrong
	}
	return p
}
