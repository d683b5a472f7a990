package jid

// MarshalText returns the address, so that a JID can be an attribute or the
// text of an element in encoding/xml, a value or a key in encoding/json. The
// zero JID gives empty text. The error is always nil.
func (j JID) MarshalText() ([]byte, error) { return []byte(j.s), nil }

// UnmarshalText is [Parse] for decoders, with one difference: empty text gives
// the zero JID, as MarshalText writes it. On an error, an [*Error], j keeps its
// value.
func (j *JID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*j = JID{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*j = parsed
	return nil
}
