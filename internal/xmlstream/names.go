package xmlstream

import "encoding/binary"

// Namespaces that the syntax itself knows.
const (
	nsXML   = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS = "http://www.w3.org/2000/xmlns/"
)

// A namespace reference is an index into wellKnown, or nsOuter plus an index
// into the table of the stream header, or nsDecl plus the index of the node of
// the declaring attribute.
const (
	refNone  = 0
	refXML   = 1
	refXMLNS = 2
	nsOuter  = 1 << 30
	nsDecl   = 1 << 31
	nsMaskIx = nsOuter - 1
)

// wellKnown holds the namespaces that get along without a node. Their strings
// are shared, so that a comparison with the constant of a package is over after
// one look at the pointer.
var wellKnown = [...]string{
	refNone:  "",
	refXML:   nsXML,
	refXMLNS: nsXMLNS,
	3:        "jabber:client",
	4:        "jabber:server",
	5:        "http://etherx.jabber.org/streams",
	6:        "urn:ietf:params:xml:ns:xmpp-streams",
	7:        "urn:ietf:params:xml:ns:xmpp-stanzas",
	8:        "urn:ietf:params:xml:ns:xmpp-tls",
	9:        "urn:ietf:params:xml:ns:xmpp-sasl",
	10:       "urn:ietf:params:xml:ns:xmpp-bind",
	11:       "urn:ietf:params:xml:ns:xmpp-session",
	12:       "urn:xmpp:sm:3",
	13:       "urn:xmpp:sasl:2",
	14:       "urn:xmpp:bind:0",
	15:       "urn:xmpp:fast:0",
	16:       "urn:xmpp:csi:0",
	17:       "jabber:iq:roster",
	18:       "urn:xmpp:features:rosterver",
	19:       "urn:xmpp:features:pre-approval",
	20:       "http://jabber.org/protocol/disco#info",
	21:       "http://jabber.org/protocol/disco#items",
	22:       "http://jabber.org/protocol/caps",
	23:       "urn:xmpp:caps",
	24:       "urn:xmpp:ping",
	25:       "jabber:iq:version",
	26:       "jabber:iq:last",
	27:       "urn:xmpp:time",
	28:       "jabber:x:data",
	29:       "http://jabber.org/protocol/rsm",
	30:       "urn:xmpp:mam:2",
	31:       "urn:xmpp:mam:2#extended",
	32:       "urn:xmpp:sid:0",
	33:       "urn:xmpp:forward:0",
	34:       "urn:xmpp:delay",
	35:       "jabber:x:delay",
	36:       "urn:xmpp:carbons:2",
	37:       "urn:xmpp:receipts",
	38:       "urn:xmpp:chat-markers:0",
	39:       "http://jabber.org/protocol/chatstates",
	40:       "urn:xmpp:hints",
	41:       "urn:xmpp:message-correct:0",
	42:       "urn:xmpp:message-retract:1",
	43:       "urn:xmpp:message-moderate:1",
	44:       "urn:xmpp:reactions:0",
	45:       "urn:xmpp:reply:0",
	46:       "urn:xmpp:fallback:0",
	47:       "urn:xmpp:eme:0",
	48:       "urn:xmpp:omemo:2",
	49:       "eu.siacs.conversations.axolotl",
	50:       "urn:xmpp:openpgp:0",
	51:       "http://jabber.org/protocol/muc",
	52:       "http://jabber.org/protocol/muc#user",
	53:       "http://jabber.org/protocol/muc#admin",
	54:       "http://jabber.org/protocol/muc#owner",
	55:       "jabber:x:conference",
	56:       "urn:xmpp:occupant-id:0",
	57:       "http://jabber.org/protocol/pubsub",
	58:       "http://jabber.org/protocol/pubsub#event",
	59:       "http://jabber.org/protocol/pubsub#errors",
	60:       "http://jabber.org/protocol/pubsub#owner",
	61:       "http://jabber.org/protocol/nick",
	62:       "vcard-temp",
	63:       "vcard-temp:x:update",
	64:       "urn:ietf:params:xml:ns:vcard-4.0",
	65:       "urn:xmpp:avatar:data",
	66:       "urn:xmpp:avatar:metadata",
	67:       "urn:xmpp:bookmarks:1",
	68:       "urn:xmpp:blocking",
	69:       "jabber:iq:private",
	70:       "jabber:iq:register",
	71:       "http://jabber.org/features/iq-register",
	72:       "urn:xmpp:push:0",
	73:       "urn:xmpp:http:upload:0",
	74:       "jabber:x:oob",
	75:       "urn:xmpp:sfs:0",
	76:       "urn:xmpp:file:metadata:0",
	77:       "urn:xmpp:hashes:2",
	78:       "urn:xmpp:bob",
	79:       "http://jabber.org/protocol/commands",
	80:       "http://jabber.org/protocol/ibb",
	81:       "http://jabber.org/protocol/bytestreams",
	82:       "urn:xmpp:jingle:1",
	83:       "urn:xmpp:jingle-message:0",
	84:       "urn:xmpp:idle:1",
	85:       "http://jabber.org/protocol/xhtml-im",
	86:       "http://www.w3.org/1999/xhtml",
	87:       "urn:xmpp:styling:0",
	88:       "urn:xmpp:sasl-cb:0",
	89:       "urn:xmpp:stream-limits:0",
	90:       "urn:ietf:params:xml:ns:xmpp-framing",
	91:       "jabber:component:accept",
	92:       "urn:xmpp:extdisco:2",
	93:       "http://jabber.org/protocol/address",
}

// shortest is the length of the shortest of them, but for none.
const shortest = len("vcard-temp")

// wellKnownSlots is a hash table of them, by their ends; 0: free. They are looked
// up several times a stanza.
var wellKnownSlots = func() (slots [256]uint8) {
	for i, s := range wellKnown[1:] {
		slot := slotOf([]byte(s))
		for slots[slot] != 0 {
			slot++
		}
		slots[slot] = uint8(i + 1)
	}
	return slots
}()

func slotOf(uri []byte) uint8 {
	end := binary.LittleEndian.Uint64(uri[len(uri)-8:])
	return uint8((end + uint64(len(uri))) * 0x9E3779B97F4A7C15 >> 56)
}

// wellKnownRef returns the reference to a namespace that is well known.
func wellKnownRef(uri []byte) (ref uint32, known bool) {
	if len(uri) < shortest {
		return refNone, len(uri) == 0
	}
	for slot := slotOf(uri); wellKnownSlots[slot] != 0; slot++ {
		if i := wellKnownSlots[slot]; wellKnown[i] == string(uri) {
			return uint32(i), true
		}
	}
	return 0, false
}
