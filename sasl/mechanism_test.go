package sasl_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

func TestOrder(t *testing.T) {
	p := params("ANONYMOUS", "PLAIN", "EXTERNAL", "OAUTHBEARER", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
		"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "X-OTHER")
	p.Token = "token"
	p.Bindings, p.OfferedBindings = []sasl.ChannelBinding{exporter}, []string{"tls-exporter"}
	want := []string{
		"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256",
		"SCRAM-SHA-1", "OAUTHBEARER", "EXTERNAL", "PLAIN", "ANONYMOUS",
	}
	require.Equal(t, want, sasl.Names())
	for allowed := sasl.Names(); len(allowed) > 0; allowed = allowed[1:] {
		m, err := sasl.Select(p, allowed)
		require.NoError(t, err)
		require.Equal(t, allowed[0], m.Name)
		x, err := m.New(p)
		require.NoError(t, err)
		first, err := x.Next(nil)
		require.NoError(t, err)
		require.NotNil(t, first, "no initial response is not the same as an empty one")
	}
}

func TestSelect(t *testing.T) {
	t.Run("S032 order of the server", func(t *testing.T) {
		offered := []string{"PLAIN"}
		for i := range 10_000 {
			offered = append(offered, fmt.Sprintf("X-%d", i))
		}
		p := params(append(offered, "SCRAM-SHA-256-PLUS")...)
		p.Bindings, p.OfferedBindings = []sasl.ChannelBinding{exporter}, []string{"tls-exporter"}
		m, err := sasl.Select(p, nil)
		require.NoError(t, err)
		require.Equal(t, "SCRAM-SHA-256-PLUS", m.Name)
		require.Equal(t, "tls-exporter", m.Binding)
		p.Offered = offered
		_, err = sasl.Select(p, nil)
		require.ErrorIs(t, err, sasl.ErrNoMechanism)
		require.Less(t, len(err.Error()), 1000)
		p.Offered = offered[1:]
		_, err = sasl.Select(p, nil)
		require.ErrorIs(t, err, sasl.ErrNoMechanism)
		require.Less(t, len(err.Error()), 1000)
	})
	for _, name := range []string{"PLAIN", "EXTERNAL", "ANONYMOUS"} {
		t.Run("S061 "+name+" only when asked", func(t *testing.T) {
			_, err := sasl.Select(params(name), nil)
			require.ErrorIs(t, err, sasl.ErrNoMechanism)
			require.ErrorContains(t, err, name)
			m, err := sasl.Select(params(name), []string{name})
			require.NoError(t, err)
			require.Equal(t, name, m.Name)
		})
	}
	for _, name := range []string{"PLAIN", "OAUTHBEARER"} {
		t.Run("S030 "+name+" on a connection that reveals it", func(t *testing.T) {
			p := params(name)
			p.Token = "token"
			m, err := sasl.Select(p, []string{name})
			require.NoError(t, err)
			p.AllowPlain = false
			_, err = sasl.Select(p, []string{name})
			require.ErrorIs(t, err, sasl.ErrNoMechanism)
			_, err = m.New(p)
			var input *sasl.InputError
			require.ErrorAs(t, err, &input)
		})
	}
	t.Run("strict refuses what cannot be bound", func(t *testing.T) {
		for name, want := range map[string]error{
			"PLAIN": sasl.ErrNoBinding, "OAUTHBEARER": sasl.ErrNoBinding, "EXTERNAL": nil, "ANONYMOUS": nil,
		} {
			p := params(name)
			p.Token, p.StrictBinding = "token", true
			_, err := sasl.Select(p, []string{name})
			require.ErrorIs(t, err, want, name)
		}
	})
	t.Run("nothing", func(t *testing.T) {
		_, err := sasl.Select(params(), nil)
		require.ErrorIs(t, err, sasl.ErrNoMechanism)
		p := params("SCRAM-SHA-1")
		p.Password = ""
		_, err = sasl.Select(p, nil)
		require.ErrorIs(t, err, sasl.ErrNoMechanism)
		require.ErrorContains(t, err, "needs a user name and a password")
	})
	t.Run("misuse", func(t *testing.T) {
		var input *sasl.InputError
		_, err := sasl.Select(nil, nil)
		require.ErrorAs(t, err, &input)
		_, err = sasl.Select(params("PLAIN"), []string{"SCRAM-SHA256"})
		require.ErrorAs(t, err, &input)
		require.ErrorContains(t, err, "SCRAM-SHA256")
		m, err := sasl.Select(params("SCRAM-SHA-1"), nil)
		require.NoError(t, err)
		_, err = m.New(nil)
		require.ErrorAs(t, err, &input)
	})
}

func TestSimple(t *testing.T) {
	tests := map[string]string{
		"PLAIN":     "me@example.org\x00user\x00pencil",
		"EXTERNAL":  "me@example.org",
		"ANONYMOUS": "",
	}
	for name, want := range tests {
		p := params(name)
		p.AuthzID = "me@example.org"
		newExchange := func(t *testing.T) sasl.Exchange {
			m, err := sasl.Select(p, []string{name})
			require.NoError(t, err)
			x, err := m.New(p)
			require.NoError(t, err)
			return x
		}
		t.Run(name, func(t *testing.T) {
			x := newExchange(t)
			got, err := x.Next([]byte{})
			require.NoError(t, err)
			require.Equal(t, want, string(got))
			require.NoError(t, x.Finish(nil))
			require.ErrorIs(t, x.Finish(nil), sasl.ErrState)
		})
		t.Run(name+" success too early", func(t *testing.T) {
			x := newExchange(t)
			require.ErrorIs(t, x.Finish(nil), sasl.ErrState)
			_, err := x.Next(nil)
			require.ErrorIs(t, err, sasl.ErrState)
		})
		t.Run(name+" challenged", func(t *testing.T) {
			x := newExchange(t)
			_, err := x.Next([]byte("who?"))
			require.ErrorIs(t, err, sasl.ErrState)
			_, err = x.Next(nil)
			require.ErrorIs(t, err, sasl.ErrState)

			x = newExchange(t)
			_, err = x.Next(nil)
			require.NoError(t, err)
			got, err := x.Next([]byte("again"))
			require.ErrorIs(t, err, sasl.ErrState)
			require.Nil(t, got)
			require.ErrorIs(t, x.Finish(nil), sasl.ErrState)
		})
	}
}

func TestBadAuthzID(t *testing.T) {
	for _, name := range []string{"SCRAM-SHA-1", "PLAIN", "EXTERNAL"} {
		p := params(name)
		p.AuthzID = "a\x00b"
		m, err := sasl.Select(p, []string{name})
		require.NoError(t, err)
		_, err = m.New(p)
		var input *sasl.InputError
		require.ErrorAs(t, err, &input, name)
		require.Equal(t, "authorization identity", input.Field)
	}
}

func TestOAuthBearer(t *testing.T) {
	p := params("OAUTHBEARER")
	p.Token, p.AuthzID, p.Host, p.Port = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", "user@example.com", "server.example.com", 143
	t.Run("RFC 7628 §4.1", func(t *testing.T) {
		x, message := begin(t, p)
		require.Equal(t, "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01", string(message))
		require.NoError(t, x.Finish(nil))
	})
	t.Run("least", func(t *testing.T) {
		p := params("OAUTHBEARER")
		p.Token = "t"
		_, message := begin(t, p)
		require.Equal(t, "n,,\x01auth=Bearer t\x01\x01", string(message))
	})
	for challenge, reason := range map[string]string{
		`{"status":"invalid_token","scope":"example_scope"}`:      "invalid_token",
		`{"status":"vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="}`: "unknown",
		`not JSON`: "unknown",
	} {
		t.Run("error "+reason, func(t *testing.T) {
			x, _ := begin(t, p)
			require.Empty(t, x.(sasl.Reasoner).Reason())
			response, err := x.Next([]byte(challenge))
			require.NoError(t, err)
			require.Equal(t, "\x01", string(response))
			require.Equal(t, reason, x.(sasl.Reasoner).Reason())
			require.ErrorIs(t, x.Finish(nil), sasl.ErrState, "success after an error")
		})
	}
	t.Run("error twice", func(t *testing.T) {
		x, _ := begin(t, p)
		_, err := x.Next([]byte("{}"))
		require.NoError(t, err)
		_, err = x.Next([]byte("{}"))
		require.ErrorIs(t, err, sasl.ErrState)
	})
	t.Run("out of turn", func(t *testing.T) {
		m, err := sasl.Select(p, nil)
		require.NoError(t, err)
		x, err := m.New(p)
		require.NoError(t, err)
		require.ErrorIs(t, x.Finish(nil), sasl.ErrState)
		got, err := x.Next(nil)
		require.ErrorIs(t, err, sasl.ErrState)
		require.Nil(t, got)
	})
	for field, spoil := range map[string]func(p *sasl.Params){
		"token":                  func(p *sasl.Params) { p.Token = "a b" },
		"port":                   func(p *sasl.Params) { p.Port = 70_000 },
		"host":                   func(p *sasl.Params) { p.Host = "a\x01b" },
		"authorization identity": func(p *sasl.Params) { p.AuthzID = "a\x01b" },
	} {
		t.Run("bad "+field, func(t *testing.T) {
			bad := *p
			spoil(&bad)
			m, err := sasl.Select(&bad, nil)
			require.NoError(t, err)
			_, err = m.New(&bad)
			var input *sasl.InputError
			require.ErrorAs(t, err, &input)
			require.Equal(t, field, input.Field)
		})
	}
}
