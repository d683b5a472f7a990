// Package carbons implements XEP-0280 (Message Carbons) 1.0.1: messages that our
// account's other devices send and receive come to this one too.
//
//	carbons.Enable(conn)
//
// Received copies are then heard like any message; copies of what another device
// sent go to ChatManager.OnSent and never to OnMessage, so that a bot doesn't
// answer itself. Both carry the mark [Copy].
//
// Left out: looking at the server's features before asking, because the answer to
// asking says the same. Copies of errors that another device of ours sent are
// dropped: nobody has a use for them.
//
// What is dangerous: whoever can make a client believe in a copy can speak for
// anybody. A copy counts only while copies
// are enabled, if it comes from our own bare address, holds exactly one message and
// none of another kind, is not of type groupchat, holds no copy itself, and was sent by
// our account or to it, as it says. Everything else is reported as an error and
// dropped. A program that answers should not answer copies, since the device that the
// message was for may answer too (XEP-0280 §10.4): see [Copy]. End-to-end encryption
// for one device wants [Private].
package carbons
