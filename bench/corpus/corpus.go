// Package corpus makes the stanzas that every library is measured with. It draws from a generator
// with a fixed seed, so all runs on all machines read the same bytes.
package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Account is whom the stanzas are for, Domain its server.
const (
	Domain  = "bench.example"
	Account = "bench@" + Domain
	Address = Account + "/bench"
)

// Mean is the size in bytes that the stanzas have on average.
const Mean = 524

// A Kind is a sort of stanza.
type Kind int

// The kinds of the mix.
const (
	Chat Kind = iota
	Groupchat
	Presence
	Archive // a message in the answer to a query (XEP-0313 §4.2)
	Kinds
)

func (k Kind) String() string { return [...]string{"chat", "groupchat", "presence", "archive"}[k] }

// A Mix says how many of 20 stanzas are of each kind.
type Mix [Kinds]int

// The mixes: a busy client's stream, the same without archive results, and chat alone.
var (
	Full     = Mix{Chat: 9, Groupchat: 5, Presence: 4, Archive: 2}
	Live     = Mix{Chat: 10, Groupchat: 6, Presence: 4}
	ChatOnly = Mix{Chat: 20}
)

// Mixes are the mixes by the name of the job that reads them.
var Mixes = map[string]Mix{"full": Full, "live": Live, "chat": ChatOnly}

// A Count is what a client must have seen when it has read a corpus: stanzas of each kind, and the
// bytes of senders and texts. Of an archived message it is those of the message inside.
type Count struct {
	Stanzas [Kinds]int `json:"stanzas"`
	From    int        `json:"from"`
	Text    int        `json:"text"`
}

// Total is the number of stanzas.
func (c Count) Total() int {
	n := 0
	for _, k := range c.Stanzas {
		n += k
	}
	return n
}

// Make returns n stanzas of a mix and what there is to be counted in them.
func Make(mix Mix, n int) ([]byte, Count) {
	g := generator{r: rand.New(rand.NewPCG(1, 524)), b: make([]byte, 0, n*Mean+4096)}
	var order []Kind
	for k, times := range mix {
		for range times {
			order = append(order, Kind(k))
		}
	}
	for i := range n {
		if i%len(order) == 0 {
			g.r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		g.stanza(order[i%len(order)], i)
	}
	return g.b, g.count
}

type generator struct {
	r     *rand.Rand
	b     []byte
	count Count
}

func (g *generator) stanza(k Kind, i int) {
	g.count.Stanzas[k]++
	switch k {
	case Chat:
		g.chat(i)
	case Groupchat:
		g.groupchat(i)
	case Presence:
		g.presence(i)
	case Archive:
		g.archive(i)
	}
}

func (g *generator) chat(i int) {
	from := g.from(g.contact())
	g.printf(`<message from='%s' to='%s' id='%s' type='chat'>`, from, Address, g.id())
	g.body(i, 170)
	g.printf(`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>`+
		`<stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='%s'/></message>`, Account, g.id())
}

func (g *generator) groupchat(i int) {
	room := g.room()
	from := g.from(room + "/" + pick(g, names))
	g.printf(`<message from='%s' to='%s' id='%s' type='groupchat'>`, from, Address, g.id())
	g.body(i, 180)
	g.printf(`<stanza-id xmlns='urn:xmpp:sid:0' by='%s' id='%s'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='%s'/></message>`, room, g.id(), g.id())
}

func (g *generator) presence(i int) {
	if g.r.IntN(3) == 0 {
		nick := pick(g, names)
		from := g.from(g.room() + "/" + nick)
		g.printf(`<presence from='%s' to='%s'><show>away</show>`, from, Address)
		g.text("status", g.words(24))
		g.printf(`<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' role='participant' jid='%s'/></x></presence>`, g.contact())
		return
	}
	from := g.from(g.contact())
	g.printf(`<presence from='%s' to='%s'><show>%s</show>`, from, Address, pick(g, []string{"away", "chat", "dnd", "xa"}))
	g.text("status", g.words(40))
	g.printf(`<priority>%d</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>`+
		`<x xmlns='vcard-temp:x:update'><photo>%s</photo></x></presence>`, g.r.IntN(50), g.id())
}

func (g *generator) archive(i int) {
	g.printf(`<message from='%s' to='%s'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='%s'><forwarded xmlns='urn:xmpp:forward:0'>`+
		`<delay xmlns='urn:xmpp:delay' stamp='2026-%02d-%02dT%02d:%02d:%02dZ'/>`,
		Account, Address, g.id(), 1+g.r.IntN(12), 1+g.r.IntN(28), g.r.IntN(24), g.r.IntN(60), g.r.IntN(60))
	from := g.from(g.contact())
	g.printf(`<message xmlns='jabber:client' from='%s' to='%s' id='%s' type='chat'>`, from, Address, g.id())
	g.body(i, 200)
	g.printf(`<active xmlns='http://jabber.org/protocol/chatstates'/></message></forwarded></result></message>`)
}

// body writes a text of about size bytes. Texts also make good what the stanzas before were too
// long or too short.
func (g *generator) body(i, size int) {
	behind := Mean*(i+1) - len(g.b) - 2*size
	want := size/3 + g.r.IntN(4*size/3) + min(max(behind, -size/3), size)
	g.text("body", g.words(max(want, 2)))
}

// text writes an element with words, some of which have characters that are escaped.
func (g *generator) text(name, words string) {
	g.count.Text += len(words)
	g.printf("<%s>%s</%s>", name, escaper.Replace(words), name)
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (g *generator) words(size int) string {
	var b strings.Builder
	for b.Len() < size {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(pick(g, vocabulary))
	}
	return b.String()
}

func (g *generator) from(address string) string {
	g.count.From += len(address)
	return address
}

func (g *generator) contact() string {
	return fmt.Sprintf("%s%d@%s/%s", pick(g, names), g.r.IntN(20), pick(g, domains), pick(g, resources))
}

func (g *generator) room() string { return pick(g, rooms) + "@rooms." + Domain }

func (g *generator) id() string {
	return fmt.Sprintf("%08x-%04x-4%03x", g.r.Uint32(), g.r.Uint32()>>16, g.r.Uint32()>>20)
}

func (g *generator) printf(format string, args ...any) { g.b = fmt.Appendf(g.b, format, args...) }

func pick(g *generator, from []string) string { return from[g.r.IntN(len(from))] }

var (
	names     = strings.Fields("romeo juliet benvolio mercutio tybalt rosaline paris nurse friar montague capulet balthasar")
	domains   = []string{Domain, "montague.example", "capulet.example", "verona.example"}
	resources = strings.Fields("orchard balcony garden phone laptop Conversations.4f2a gajim.K9XQ2ZT1")
	rooms     = strings.Fields("balcony square feast tomb")
	// Mostly ASCII, as chat is, with some of everything else.
	vocabulary = strings.Fields("but soft what light through yonder window breaks it is the east and juliet is the sun arise fair sun kill envious moon " +
		"who already sick pale with grief that thou her maid art far more than she be not since vestal livery green " +
		"naïve café grüße Überraschung привет 月が綺麗 👍 🌹 R&D x<y a>b \"quoted\" don't https://example.org/?a=1&b=2")
)
