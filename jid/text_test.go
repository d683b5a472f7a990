package jid_test

import (
	"encoding/json"
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

type item struct {
	XMLName xml.Name `xml:"item"`
	JID     jid.JID  `xml:"jid,attr"`
	Inviter jid.JID  `xml:"inviter"`
}

func TestXML(t *testing.T) {
	in := item{JID: jid.MustParse(`a@b/<"&'>`), Inviter: jid.MustParse("c@d")}
	text, err := xml.Marshal(in)
	require.NoError(t, err)
	require.Equal(t, `<item jid="a@b/&lt;&#34;&amp;&#39;&gt;"><inviter>c@d</inviter></item>`, string(text))
	var out item
	require.NoError(t, xml.Unmarshal(text, &out))
	require.Equal(t, in.JID, out.JID)
	require.Equal(t, in.Inviter, out.Inviter)

	require.NoError(t, xml.Unmarshal([]byte(`<item jid="A@B."><inviter/></item>`), &out))
	require.Equal(t, jid.MustParse("a@b"), out.JID)
	require.True(t, out.Inviter.IsZero())
	require.ErrorContains(t, xml.Unmarshal([]byte(`<item jid="@@"/>`), &out), "local part")
}

func TestJSON(t *testing.T) {
	in := map[jid.JID]jid.JID{jid.MustParse("a@b"): jid.MustParse("\u00fc@b/r"), jid.MustParse("c"): {}}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	var out map[jid.JID]jid.JID
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
}

func TestUnmarshalTextKeepsTheValueOnAnError(t *testing.T) {
	j := jid.MustParse("a@b")
	require.Error(t, j.UnmarshalText([]byte("a..b")))
	require.Equal(t, jid.MustParse("a@b"), j)
	require.NoError(t, j.UnmarshalText(nil))
	require.True(t, j.IsZero())
}
