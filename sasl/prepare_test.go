package sasl_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

func TestPrepare(t *testing.T) {
	accepted := map[string]string{
		"I\u00adX":                "IX",    // RFC 4013 §3, 1
		"user":                    "user",  // 2
		"USER":                    "USER",  // 3
		"\u00aa":                  "a",     // 4
		"\u2168":                  "IX",    // 5
		"a\u00a0b\u3000c":         "a b c", // C.1.2
		"a\u200bb":                "a b",   // in both tables; the first mapping wins
		"o\u0301":                 "ó",     // NFKC
		"p\u212bssword":           "p\u00c5ssword",
		"\u0627\u0031\u0628":      "\u0627\u0031\u0628", // RFC 3454 §6
		"🔑 emoji":                 "🔑 emoji",
		"\u05d0\u200c\u05d1":      "\u05d0\u05d1",
		strings.Repeat("x", 5000): strings.Repeat("x", 5000),
	}
	for in, want := range accepted {
		got, err := sasl.Prepare("password", in)
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
	refused := map[string]string{
		"":              "is empty",
		"\u00ad":        "invisible",
		"\u0007":        "control", // RFC 4013 §3, 6
		"a\x00b":        "control",
		"a\u0085b":      "control",
		"\u0627\u0031":  "directions", // 7
		"a\u0627":       "directions",
		"\u0627a\u0628": "directions",
		"\xff":          "UTF-8",
		"\ue000":        "prohibits",
		"\ufffd":        "prohibits",
		"\u200e":        "prohibits",
		"\u202e":        "prohibits",
		"\u2028":        "prohibits",
		"\u2ff0":        "prohibits",
		"\ufdd0":        "prohibits",
		"\ufffe":        "prohibits",
		"\U0001ffff":    "prohibits",
		"\U0010ffff":    "prohibits",
		"\U000e0041":    "prohibits",
		"\U000f0000":    "prohibits",
	}
	for in, want := range refused {
		_, err := sasl.Prepare("password", in)
		require.ErrorContains(t, err, "sasl: password", "%q", in)
		require.ErrorContains(t, err, want, "%q", in)
	}
}

func TestPrepareInExchange(t *testing.T) {
	p := params("SCRAM-SHA-1")
	p.Username, p.Password, p.Nonce = "I\u00adX", "\u2168", fixed("N")
	x, message := begin(t, p)
	require.Equal(t, "n,,n=IX,r=N", string(message))
	s := newServer("SCRAM-SHA-1", "IX")
	message, err := x.Next(s.challenge(message, ""))
	require.NoError(t, err)
	require.NoError(t, x.Finish(s.verify(t, message)))

	plain := params("PLAIN")
	plain.Username, plain.Password = "I\u00adX", "\u2168"
	_, message = begin(t, plain, "PLAIN")
	require.Equal(t, "\x00I\u00adX\x00\u2168", string(message), "the server prepares")
}
