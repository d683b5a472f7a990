// Package sasl is the client side of the Simple Authentication and Security
// Layer (RFC 4422): SCRAM (RFC 5802, RFC 7677) with and without channel
// binding (RFC 5929, RFC 9266), OAUTHBEARER (RFC 7628), PLAIN (RFC 4616),
// EXTERNAL (RFC 4422), ANONYMOUS (RFC 4505), and for tokens HT
// (draft-schmaus-kitten-sasl-ht; [SelectToken]). It knows no XMPP and does no I/O.
//
// [Select] chooses a mechanism from what the server offers, in an order of its
// own; the order of the server counts for nothing. [Mechanism.New] begins an
// [Exchange], which turns challenges into responses. When the server reports
// success, [Exchange.Finish] decides whether to believe it:
//
//	m, err := sasl.Select(params, nil)
//	x, err := m.New(params)
//	response, err := x.Next(nil)       // the initial response
//	response, err = x.Next(challenge)  // for each challenge
//	err = x.Finish(additionalData)     // at success; mandatory
//
// # What protects the password
//
// PLAIN, EXTERNAL and ANONYMOUS are used only when named. PLAIN and OAUTHBEARER,
// which hand their secret to the peer, need [Params.AllowPlain] as well. A [Pin]
// remembers that an account has used SCRAM; from then on anything weaker is
// [ErrDowngrade]. What the server has offered is compared with the hash that it
// signs (XEP-0474), the TLS version likewise (XEP-0515), both before the proof
// is sent. Iteration counts are bounded before anything is computed.
//
// # Names and passwords
//
// SCRAM prepares user name and password with SASLprep (RFC 4013): non-ASCII
// spaces become spaces, invisible characters vanish, the rest is normalised to
// NFKC; prohibited characters and mixed directions are refused. Unassigned
// characters pass, as they may in a query (RFC 3454 §7), and normalisation
// follows the Unicode version of golang.org/x/text rather than 3.2. PLAIN sends both as given, for there the
// server prepares (RFC 4616 §2). Control characters are refused everywhere.
// Errors name the field at fault and never its value.
//
// # What is not here
//
// The server's side; the channel binding tls-unique, which TLS 1.3 does not define and
// TLS 1.2 defines safely only with an extension (RFC 9266 §1); and security layers, which TLS makes needless.
package sasl
