package stanza

// AppendSlowly is Append by way of a Writer.
func AppendSlowly(dst []byte, s Stanza) ([]byte, error) { return appendByWriter(dst, "", s) }
