package csi

import "encoding/xml"

// NS is the namespace of the protocol.
const NS = "urn:xmpp:csi:0"

// What is told (XEP-0352 §4.2).
type (
	active struct {
		XMLName xml.Name `xml:"urn:xmpp:csi:0 active"`
	}
	inactive struct {
		XMLName xml.Name `xml:"urn:xmpp:csi:0 inactive"`
	}
)
