// Package forms implements XEP-0004 (Data Forms) 2.13.2 with the form types of
// XEP-0068 (Field Standardization for Data Forms) 1.3.0 and the data types of XEP-0122
// (Data Forms Validation) 1.0.2: questions and answers whose fields only the two
// sides know. Rooms, archives, registration and many more use them.
//
// A form that is known beforehand is a Go struct:
//
//	type Config struct {
//		_      struct{}  `form:"FORM_TYPE,http://jabber.org/protocol/muc#roomconfig"`
//		Name   string    `form:"muc#roomconfig_roomname"`
//		Public bool      `form:"muc#roomconfig_publicroom"`
//		Admins []jid.JID `form:"muc#roomconfig_roomadmins"`
//	}
//	form, err := forms.Marshal(forms.Submit, Config{…})
//	err = forms.Unmarshal(form, &config)
//
// Any other is a [Form], which [Form.Answer] fills in and [Form.Check] judges.
//
// Left out: rendering. The layout of XEP-0141 (Data Forms Layout) 1.0 and media
// elements are kept as they were received and written back ([Form.Others],
// [Field.Others]), not interpreted.
//
// What is dangerous: a form asks what its sender wants to know; ask the user before a
// password goes into one. Values are text by a stranger: Unmarshal checks what the Go
// types say, Check what the form says, and neither what they mean. A
// service must check every submission, whatever it has asked its clients to check
// (XEP-0122 §4.4). Regular expressions of others take time linear in what they are
// matched with. A form may have 10 000 fields and 100 000 values and options; more is
// an error.
package forms
