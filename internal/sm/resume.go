package sm

// Resuming returns the h of a <resume/>: what is handled at this moment. Call it for each
// attempt, when the element is made. What was received and isn't handled stays with its
// handlers, and whatever they finish from now on counts once the stream is resumed. On an In that
// counts nothing it changes nothing.
func (in *In) Resuming() uint32 {
	if in.mode == off {
		return 0
	}
	in.mode = resuming
	in.again, in.hAgain, in.answered = in.done, in.h, in.h
	in.forget()
	return in.h
}

// Resumed notes that a <resumed/> arrived. The server sends everything past the h of
// <resume/> again, and Receive recognises what is already here.
func (in *In) Resumed() {
	if in.mode == resuming {
		in.mode = repeating
		in.settle()
	}
}

// repeats tells whether the stanza is the one whose turn it is to be sent again.
func (in *In) repeats(kind, id, from string) bool {
	if !in.held.same(in.again, sum(kind, id, from)) {
		return false
	}
	in.again++
	in.hAgain++
	in.settle()
	return true
}

// settle passes over what will not be sent again, and ends the repeating where nothing
// is left.
func (in *In) settle() {
	for in.again < in.next && in.held.is(in.again, isVoid) {
		in.again++
	}
	if in.again == in.next {
		in.mode = counting
	}
	in.forget()
}

// diverge takes the server's order for the true one: the stanza that it sends now has the number
// after hAgain, whatever we had under it.
func (in *In) diverge() error {
	err := &Diverged{Number: in.hAgain + 1}
	for seq := in.again; seq < in.next; seq++ {
		if !in.held.is(seq, isVoid) {
			err.Missed++
		}
		in.held.mark(seq, isHandled|isVoid)
	}
	if in.done > in.again {
		in.h = in.hAgain // more was never told
	}
	in.mode = counting
	in.advance()
	return err
}
