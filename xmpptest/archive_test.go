package xmpptest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

const mam = "xmlns='urn:xmpp:mam:2'"

// archive asks for messages and returns their texts, their ids and the answer.
func (c *rawClient) archive(fields, set string) (bodies string, ids []string, fin xmlstream.Element) {
	c.t.Helper()
	c.send("<iq type='set' id='a'><query %s queryid='q'>%s<set xmlns='http://jabber.org/protocol/rsm'>%s</set>%s</query></iq>",
		mam, form(fields), strings.ReplaceAll(set, "<flip-page/>", ""), flip(set))
	for {
		e := c.next()
		if e.Local() == "iq" {
			require.Equal(c.t, "a", e.Attr("id"))
			return bodies, ids, e.First()
		}
		r := e.Child("urn:xmpp:mam:2", "result")
		require.Equal(c.t, "q", r.Attr("queryid"))
		f := r.Child("urn:xmpp:forward:0", "forwarded")
		require.NotEmpty(c.t, f.Child("urn:xmpp:delay", "delay").Attr("stamp"))
		bodies += f.Child("jabber:client", "message").Child("jabber:client", "body").Text()
		ids = append(ids, r.Attr("id"))
	}
}

func flip(set string) string {
	if strings.Contains(set, "<flip-page/>") {
		return "<flip-page/>"
	}
	return ""
}

// form writes "a=b c=d" as fields.
func form(fields string) string {
	x := "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>"
	for f := range strings.FieldsSeq(fields) {
		name, value, _ := strings.Cut(f, "=")
		x += "<field var='" + name + "'><value>" + strings.ReplaceAll(value, ",", "</value><value>") + "</value></field>"
	}
	return x + "</x>"
}

func TestArchive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		begin := time.Now().UTC()
		for i := range 6 {
			from, to, name := romeo, juliet, "juliet"
			if i%2 == 1 {
				from, to, name = juliet, romeo, "romeo"
			}
			from.send("<message type='chat' to='%s@localhost' id='%d'><body>%d</body></message>", name, i, i)
			to.expect(fmt.Sprintf("<body>%d</body>", i))
			time.Sleep(time.Second) // virtual
		}
		romeo.send("<message to='romeo@localhost'><body>6</body></message>")
		romeo.expect("<body>6</body>")
		for _, m := range []string{"type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/>", "type='headline'><body>x</body>",
			"><body>x</body><no-store xmlns='urn:xmpp:hints'/>"} {
			romeo.send("<message to='juliet@localhost' %s</message>", m)
			juliet.expect("<message")
		}
		all, ids, fin := romeo.archive("", "")
		require.Equal(t, "0123456", all)
		require.Equal(t, "<fin "+mam+" complete='true'><set xmlns='http://jabber.org/protocol/rsm'><first index='0'>"+ids[0]+
			"</first><last>"+ids[6]+"</last><count>7</count></set></fin>", text(fin))
		other, _, _ := juliet.archive("", "")
		require.Equal(t, "012345", other)

		at := func(i int) string { return begin.Add(time.Duration(i) * time.Second).Format(time.RFC3339Nano) }
		tests := []struct{ fields, set, want, complete string }{
			{"with=juliet@localhost", "", "012345", "true"},
			{"with=juliet@localhost/balcony", "", "135", "true"},
			{"with=romeo@localhost", "", "6", "true"},
			{"with=nobody@localhost", "", "", "true"},
			{"start=" + at(2), "", "23456", "true"},
			{"start=" + at(1) + " end=" + at(3), "", "123", "true"},
			{"after-id=" + ids[1] + " before-id=" + ids[4], "", "23", "true"},
			{"ids=" + ids[5] + "," + ids[0], "", "05", "true"},
			{"", "<max>3</max>", "012", ""},
			{"", "<max>3</max><after>" + ids[2] + "</after>", "345", ""},
			{"", "<max>3</max><after>" + ids[3] + "</after>", "456", "true"},
			{"", "<max>3</max><before/>", "456", ""},
			{"", "<max>3</max><before>" + ids[3] + "</before>", "012", "true"},
			{"", "<max>3</max><before/><flip-page/>", "654", ""},
			{"", "<max>0</max>", "", ""},
			{"after-id=" + ids[6], "<max>5</max>", "", "true"},
			{"with=juliet@localhost", "<max>2</max><after>" + ids[6] + "</after>", "", "true"},
		}
		for _, tt := range tests {
			got, _, fin := romeo.archive(tt.fields, tt.set)
			require.Equal(t, tt.want, got, tt.fields+tt.set)
			require.Equal(t, tt.complete, fin.Attr("complete"), tt.fields+tt.set)
		}
		for request, want := range map[[2]string]string{
			{"after-id=x", ""}:             "item-not-found",
			{"ids=" + ids[0] + ",x", ""}:   "item-not-found",
			{"", "<after>x</after>"}:       "item-not-found",
			{"", "<before>x</before>"}:     "item-not-found",
			{"", "<max>x</max>"}:           "bad-request",
			{"start=x", ""}:                "bad-request",
			{"include-groupchat=true", ""}: "feature-not-implemented",
		} {
			romeo.send("<iq type='set' id='a'><query %s>%s<set xmlns='http://jabber.org/protocol/rsm'>%s</set></query></iq>", mam, form(request[0]), request[1])
			romeo.expect("type='error'", want)
		}
		romeo.send("<iq type='get' id='a'><metadata %s/></iq>", mam)
		romeo.expect("<start id='"+ids[0]+"'", "<end id='"+ids[6]+"'")
		romeo.send("<iq type='get' id='a'><query %s/></iq>", mam)
		romeo.expect("var='before-id'", "<open/>")
	})
}

func TestArchivePages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := login(t, srv, "romeo", "orchard")
		srv.Password("juliet")
		romeo.say("juliet@localhost", 1, 120)
		juliet := login(t, srv, "juliet", "balcony")
		after, pages, total := "", 0, 0
		for {
			_, ids, fin := juliet.archive("", after)
			pages, total = pages+1, total+len(ids)
			if fin.Attr("complete") == "true" {
				break
			}
			after = "<after>" + ids[len(ids)-1] + "</after>"
		}
		require.Equal(t, 3, pages)
		require.Equal(t, 120, total)
	})
}

func TestStanzaIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		romeo.send("<message to='juliet@localhost/balcony' type='chat'><body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@localhost' id='forged'/>" +
			"<stanza-id xmlns='urn:xmpp:sid:0' by='room@localhost' id='kept'/></message>")
		m := juliet.expect("kept")
		require.NotContains(t, text(m), "forged")
		_, ids, _ := juliet.archive("", "")
		require.Contains(t, text(m), "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@localhost' id='"+ids[0]+"'/>")
		juliet.send("<iq type='get' id='d' to='juliet@localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
		juliet.expect("<feature var='urn:xmpp:mam:2'/>", "<feature var='urn:xmpp:mam:2#extended'/>", "<feature var='urn:xmpp:sid:0'/>")
	})
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
		romeo := online(t, srv, "romeo", "orchard")
		romeo.send("<message to='romeo@localhost/orchard'><body>hi</body></message>")
		require.NotContains(t, text(romeo.expect("hi")), "stanza-id")
		romeo.send("<iq type='get' id='d' to='romeo@localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
		require.NotContains(t, text(romeo.expect("disco")), "mam")
		romeo.send("<iq type='set' id='a'><query %s/></iq>", mam)
		romeo.expect("service-unavailable")
	})
}
