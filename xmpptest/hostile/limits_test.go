package hostile_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
)

// A server that says it takes next to nothing would silence the client: it has to take 10 000 bytes (RFC 6120 §13.12).
var _ = add(
	row{id: "S108b", title: "A limit so low that nothing could be said", oracle: ignoreRow, scenes: accepted(
		tooLow("one byte", "1"), tooLow("a thousand", "1000"), tooLow("twin: what may be", "10000"),
	)},
)

// tooLow offers a limit (XEP-0478): what every server takes must get through, and nothing more.
func tooLow(name, value string) login {
	l := limited(name, value)
	l.check = func(c *xmpp.Connection) error {
		chat := c.ChatManager().CreateChat(jid.MustParse(contact))
		if err := chat.SendMessage(context.Background(), "hello"+strings.Repeat("x", 9700)); err != nil {
			return err
		}
		if err := is(xmpp.ErrTooLarge)(chat.SendMessage(context.Background(), strings.Repeat("x", 10_001))); err != nil {
			return fmt.Errorf("10001 bytes: %w", err)
		}
		return nil
	}
	return l
}
