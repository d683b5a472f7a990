package stanza

// Condition is a defined condition of a stanza error (RFC 6120 §8.3.3). It is
// itself an error: errors.Is(err, stanza.ItemNotFound) asks for it, and a
// handler may return it.
type Condition string

// The defined conditions.
const (
	BadRequest            Condition = "bad-request"
	Conflict              Condition = "conflict"
	FeatureNotImplemented Condition = "feature-not-implemented"
	Forbidden             Condition = "forbidden"
	Gone                  Condition = "gone"
	InternalServerError   Condition = "internal-server-error"
	ItemNotFound          Condition = "item-not-found"
	JIDMalformed          Condition = "jid-malformed"
	NotAcceptable         Condition = "not-acceptable"
	NotAllowed            Condition = "not-allowed"
	NotAuthorized         Condition = "not-authorized"
	PolicyViolation       Condition = "policy-violation"
	RecipientUnavailable  Condition = "recipient-unavailable"
	Redirect              Condition = "redirect"
	RegistrationRequired  Condition = "registration-required"
	RemoteServerNotFound  Condition = "remote-server-not-found"
	RemoteServerTimeout   Condition = "remote-server-timeout"
	ResourceConstraint    Condition = "resource-constraint"
	ServiceUnavailable    Condition = "service-unavailable"
	SubscriptionRequired  Condition = "subscription-required"
	UndefinedCondition    Condition = "undefined-condition"
	UnexpectedRequest     Condition = "unexpected-request"
)

// ErrorType says what may be done about a stanza error (RFC 6120 §8.3.2). A
// value that the RFC doesn't define is kept as it was received.
type ErrorType string

// The defined types.
const (
	ErrorAuth     ErrorType = "auth"     // retry after providing credentials
	ErrorCancel   ErrorType = "cancel"   // do not retry
	ErrorContinue ErrorType = "continue" // only a warning
	ErrorModify   ErrorType = "modify"   // retry after changing what was sent
	ErrorWait     ErrorType = "wait"     // retry after waiting
)

// Error returns the condition's name with a prefix.
func (c Condition) Error() string { return "stanza error: " + string(c) }

// Type returns the type that RFC 6120 §8.3.3 gives the condition, the first
// one where it gives two, cancel where it leaves it open. It is "" for a
// condition that is not defined.
func (c Condition) Type() ErrorType {
	switch c {
	case BadRequest, JIDMalformed, NotAcceptable, PolicyViolation, Redirect:
		return ErrorModify
	case Forbidden, NotAuthorized, RegistrationRequired, SubscriptionRequired:
		return ErrorAuth
	case RecipientUnavailable, RemoteServerTimeout, ResourceConstraint, UnexpectedRequest:
		return ErrorWait
	case Conflict, FeatureNotImplemented, Gone, InternalServerError, ItemNotFound, NotAllowed,
		RemoteServerNotFound, ServiceUnavailable, UndefinedCondition:
		return ErrorCancel
	}
	return ""
}
