package ping

import "encoding/xml"

// NS is the namespace of the protocol and the feature that announces it.
const NS = "urn:xmpp:ping"

// ping is the question (XEP-0199 §4); its answer is empty.
type ping struct {
	XMLName xml.Name `xml:"urn:xmpp:ping ping"`
}
