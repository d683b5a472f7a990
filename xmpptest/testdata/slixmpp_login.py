"""Logs in with slixmpp, sends a message to juliet and waits for her answer."""

import sys

import slixmpp

jid, password, port, ca = sys.argv[1:5]


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(jid, password)
        self.ca_certs = ca
        self.answer = None
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.add_event_handler("failed_all_auth", lambda _: self.disconnect())

    async def start(self, _):
        await self.get_roster()
        self.send_presence()
        self.send_message(mto="juliet@localhost", mbody="from slixmpp", mtype="chat")

    def message(self, m):
        self.answer = m["body"]
        self.disconnect()


client = Client()
client.connect(("127.0.0.1", int(port)))
client.process(forever=False)
print(client.answer)
