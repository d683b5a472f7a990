"""Logs in, greets a peer and answers each of its messages, until one says quit."""
import sys

import slixmpp

address, password, host, port, ca, peer = sys.argv[1:]


class Echo(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(address, password)
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.add_event_handler("failed_all_auth", lambda _: sys.exit("not authorized"))
        self.add_event_handler("ssl_invalid_chain", lambda e: sys.exit("invalid chain: %s" % e))

    async def start(self, _):
        self.send_presence()
        await self.get_roster()
        self.send_message(mto=peer, mbody="hello from slixmpp", mtype="chat")

    def message(self, m):
        if m["type"] not in ("chat", "normal"):
            return
        if m["body"] == "quit":
            self.disconnect()
            return
        m.reply("echo: " + m["body"]).send()


echo = Echo()
echo.ca_certs = ca
echo.connect(address=(host, int(port)))
echo.process(forever=False)
