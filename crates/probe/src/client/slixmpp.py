"""Logs in to an XMPP server as programs with slixmpp do."""

import sys

import slixmpp

_, password, address, domain, port, opening = sys.argv
with open(password) as file:
    client = slixmpp.ClientXMPP(address, file.read())
client.default_port = int(port)  # or it takes 5222, whatever the next line says
client.connect((domain, int(port)), use_ssl=opening == "direct")
client.process()
