package forms_test

import (
	"fmt"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forms"
)

func Example() {
	type Config struct {
		_      struct{}  `form:"FORM_TYPE,http://jabber.org/protocol/muc#roomconfig"`
		Name   string    `form:"muc#roomconfig_roomname"`
		Public bool      `form:"muc#roomconfig_publicroom"`
		Admins []jid.JID `form:"muc#roomconfig_roomadmins,omitempty"`
	}
	form, err := forms.Marshal(forms.Submit, Config{Name: "A Dark Cave", Public: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := stanza.Marshal(form) // as what is sent holds it
	if err != nil {
		fmt.Println(err)
		return
	}
	received, err := stanza.Decode[forms.Form](e)
	if err != nil {
		fmt.Println(err)
		return
	}
	var c Config
	err = forms.Unmarshal(received, &c)
	fmt.Println(c.Name, c.Public, err)
	// Output: A Dark Cave true <nil>
}

func ExampleForm_Answer() {
	question := forms.New(forms.Ask, "urn:example:vote",
		forms.Field{Var: "mascot", Type: forms.ListSingle, Required: true, Options: []forms.Option{{Label: "Penguin", Value: "penguin"}, {Label: "Moose", Value: "moose"}}},
	)
	_, err := question.Answer(forms.Text("mascot", "triangle"))
	fmt.Println(err)
	vote, err := question.Answer(forms.Text("mascot", "moose"))
	fmt.Println(vote.Value("mascot"), err)
	// Output:
	// forms: field "mascot": it is not among the options
	// moose <nil>
}
