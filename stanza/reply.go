package stanza

// Reply returns the skeleton of the result that answers a request: its id and
// language, from and to swapped. [Add] puts the payload in.
func Reply(iq *IQ) *IQ {
	return &IQ{ID: iq.ID, From: iq.To, To: iq.From, Lang: iq.Lang, Type: IQResult}
}

// ErrorReply returns the error that answers s, with its id and language, from
// and to swapped, and nothing of its content. An *[Error] in err's tree is sent
// as it is, a [Condition] with its default type, anything else as
// internal-server-error without its text. The result is nil where no answer
// may be sent: to an error, to the result of an IQ (RFC 6120 §8.3.1, §8.2.3)
// and to nil.
func ErrorReply(s Stanza, err error) Stanza {
	switch s := s.(type) {
	case *Message:
		if s != nil && s.Type != MessageError {
			return &Message{ID: s.ID, From: s.To, To: s.From, Lang: s.Lang, Type: MessageError, Error: errorOf(err)}
		}
	case *Presence:
		if s != nil && s.Type != PresenceError {
			return &Presence{ID: s.ID, From: s.To, To: s.From, Lang: s.Lang, Type: PresenceError, Error: errorOf(err)}
		}
	case *IQ:
		if s != nil && s.Type != IQError && s.Type != IQResult {
			return &IQ{ID: s.ID, From: s.To, To: s.From, Lang: s.Lang, Type: IQError, Error: errorOf(err)}
		}
	}
	return nil
}
