package hostile_test

// S023: what is done is not done again.
var _ = add(row{id: "S023", title: "STARTTLS, SASL or compression are offered again when they are done", oracle: ignoreRow, scenes: ignores(
	ignore{name: "features", send: offerTLS + offer("PLAIN", "SCRAM-SHA-1") + offer2("", "", "PLAIN"), twin: hello, shows: "hello"},
	ignore{name: "compression", send: "<stream:features><compression xmlns='http://jabber.org/features/compress'><method>zlib</method></compression></stream:features>", twin: hello, shows: "hello"},
	ignore{name: "what would follow", send: proceed + saslElement("challenge", "x") + saslElement("success", "v=x") + sasl2Element("challenge", "x") + success2("mallory@localhost", ""), twin: hello, shows: "hello"},
	ignore{name: "limits", send: "<stream:features><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>1</max-bytes></limits></stream:features>", twin: hello, shows: "hello"},
)})

// hello is a message that must be heard.
const hello = "<message from='" + contactFull + "'><body>hello</body></message>"
