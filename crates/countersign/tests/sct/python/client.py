"""A client as others write them, that says what became of it: ``client.py PROGRAM HOW TARGET TRUSTED``.

``HOW`` is ``stock``: the program as it is; ``inject``: with the line that an application adds; or ``context``: with the
line that a library adds.
"""

import asyncio
import logging
import ssl
import sys

program, how, target, trusted = sys.argv[1:]
if how != "stock":
    import countersign_sct
if how == "inject":
    countersign_sct.inject()

DEADLINE_S = 30


def context():
    if how == "context":
        return countersign_sct.create_default_context(cafile=trusted)
    return ssl.create_default_context(cafile=trusted)


def with_requests():
    import requests
    from requests.adapters import HTTPAdapter

    class OwnContext(HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            super().init_poolmanager(*args, ssl_context=context(), **kwargs)

    with requests.Session() as session:
        if how == "context":
            session.mount("https://", OwnContext())
        return session.get(target, verify=trusted, timeout=DEADLINE_S).text


def with_aiohttp():
    import aiohttp

    async def get():
        async with aiohttp.ClientSession() as session:
            async with session.get(target, ssl=context()) as response:
                return await response.text()

    return asyncio.run(asyncio.wait_for(get(), DEADLINE_S))


def with_urllib():
    from urllib.request import urlopen

    with urlopen(target, context=context(), timeout=DEADLINE_S) as response:
        return response.read().decode()


def with_streams():
    async def get():
        port = int(target.split(":")[2].split("/")[0])
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context())
        writer.write(b"GET /page HTTP/1.0\r\n\r\n")
        return (await reader.read()).decode()

    return asyncio.run(asyncio.wait_for(get(), DEADLINE_S))


def with_slixmpp():
    import slixmpp

    # Here, the program says to itself what became of it.
    logging.basicConfig(level=logging.CRITICAL)
    password = sys.stdin.readline().strip()
    asyncio.set_event_loop(asyncio.new_event_loop())
    client = slixmpp.ClientXMPP("alice@localhost", password)
    client.ssl_context = context()
    client.ca_certs = trusted
    ended = client.loop.create_future()

    def end(result):
        if not ended.done():
            ended.set_result(result)

    client.add_event_handler("session_start", lambda _: end("logged in"))
    client.add_event_handler("ssl_invalid_chain", end)
    client.add_event_handler("failed_auth", lambda _: end("no such password"))
    # Of a name, slixmpp 1.8 asks a resolver for address and port. Of an address, it verifies no name: so it gets the
    # name when it is connected, and does not have TLS yet.
    client.add_event_handler("connected", lambda _: setattr(client, "default_domain", "localhost"))
    client.connect(("127.0.0.1", int(target)))
    result = client.loop.run_until_complete(asyncio.wait_for(ended, DEADLINE_S))
    client.abort()
    if isinstance(result, Exception):
        raise result
    return result


try:
    print("accepted:", globals()["with_" + program]())
except Exception as error:
    print("failed:", type(error).__name__, error)
