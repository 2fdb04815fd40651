"""The certificates of the lab, and TLS servers that serve them from a thread of this process.

``COUNTERSIGN_CASES`` is the folder with the certificates: ``crates/countersign/tests/sct/python.rs`` makes one, and so
does ``cargo run -p countersign-lab --example sct_cases -- FOLDER localhost 127.0.0.1``.
"""

import logging
import os
import re
import socket
import ssl
import threading
from base64 import b64decode
from contextlib import contextmanager

import countersign_sct
from countersign_sct import _telling

FOLDER = os.environ["COUNTERSIGN_CASES"]

#: Whether a client that demands SCTs accepts the case.
ACCEPTED = {
    "good": True,
    "private": True,
    "unlogged": False,
    "unlisted": False,
    "mimic": False,
    "broken": False,
    "one-operator": False,
    "retired": False,
}

#: Everything is over by then, or has failed.
DEADLINE_S = 20


def path(*names):
    return os.path.join(FOLDER, *names)


def enforcer(**more):
    """One that knows the logs and the CA of the lab."""
    settings = {
        "list": path("list"),
        "keys": path("list-keys"),
        "public_roots": path("root.pem"),
    }
    return countersign_sct.Enforcer(**{**settings, **more})


def certificates(*names):
    """The certificates of a PEM file, in DER."""
    with open(path(*names)) as file:
        return [
            b64decode(body) for body in re.findall("-----BEGIN C[^-]+-----([^-]+)-----END", file.read())
        ]


def chain(case):
    """The whole chain of a case, from its certificate to the root."""
    root = "private-root.pem" if case == "private" else "root.pem"
    return certificates(case, "chain.pem") + certificates(root)


def client(context=None):
    """A context that trusts both CAs, public and private."""
    context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path("trusted.pem"))
    return context


class Server:
    """Serves a case: answers each read with what was read. What clients sent is in ``received``."""

    def __init__(self, case, maximum=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(path(case, "chain.pem"), path(case, "key.pem"))
        if maximum:
            self.context.maximum_version = maximum
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        # Wakes up the one that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(DEADLINE_S)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection:
            try:
                self.talk(connection)
            except OSError:
                pass  # the client has hung up

    def talk(self, connection):
        with self.context.wrap_socket(connection, server_side=True) as tls:
            while True:
                received = tls.recv(1000)
                if not received:
                    return
                self.received += received
                tls.sendall(received)

    def connect(self):
        return socket.create_connection(self.address, DEADLINE_S)


@contextmanager
def injected(by):
    countersign_sct.inject(by)
    try:
        yield
    finally:
        countersign_sct.eject()


class Told(logging.Handler):
    """What is told, while this is open. Forgets what was told before."""

    def __init__(self):
        super().__init__()
        self.sentences = []

    def emit(self, record):
        self.sentences.append(record.getMessage())

    def __enter__(self):
        _telling._told.clear()
        _telling.LOGGER.addHandler(self)
        _telling.LOGGER.propagate = False
        return self

    def __exit__(self, *_):
        _telling.LOGGER.removeHandler(self)
        _telling.LOGGER.propagate = True
