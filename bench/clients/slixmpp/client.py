"""The client of slixmpp: reads a corpus and says what it has seen, as the Go clients do.

Usage: client.py host port job
"""

import json
import resource
import sys
import time

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

host, port, job = sys.argv[1:4]
CHAT, GROUPCHAT, PRESENCE, ARCHIVE = range(4)


def cpu():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


def max_rss():
    """The most memory this program had; getrusage would count in its parent's."""
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__("bench@bench.example", "secret")
        self.stanzas, self.from_bytes, self.text_bytes = [0] * 4, 0, 0
        self.first = None
        self.register_plugin("xep_0313")
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.add_event_handler("presence", self.presence)
        self.register_handler(Callback("archive", MatchXPath("{jabber:client}message/{urn:xmpp:mam:2}result"), self.archive))

    async def start(self, _):
        await self.get_roster()
        self.send_presence()
        self.cpu = cpu()
        self.send_message(mto="go@bench.example", mbody=job, mtype="chat")

    def hear(self, kind, sender, text):
        if self.first is None:
            self.first = time.monotonic()
        self.stanzas[kind] += 1
        self.from_bytes += len(sender.full)
        self.text_bytes += len(text.encode())

    def message(self, m):
        if m["type"] == "groupchat":
            self.hear(GROUPCHAT, m["from"], m["body"])
        elif m["from"].user == "end":
            self.end()
        else:
            self.hear(CHAT, m["from"], m["body"])

    def presence(self, p):
        self.hear(PRESENCE, p["from"], p["status"])

    def archive(self, m):
        inner = m["mam_result"]["forwarded"]["stanza"]
        self.hear(ARCHIVE, inner["from"], inner["body"])

    def end(self):
        print(json.dumps({
            "stanzas": self.stanzas, "from": self.from_bytes, "text": self.text_bytes,
            "elapsed": time.monotonic() - self.first, "cpu": cpu() - self.cpu, "rss": max_rss(),
        }))
        self.abort()


client = Client()
client.connect((host, int(port)), disable_starttls=True, force_starttls=False)
client.process(forever=False)
