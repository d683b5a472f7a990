package sm

// Memory is the bytes that are held about stanzas.
func (in *In) Memory() int { return 8 * len(in.held) }
