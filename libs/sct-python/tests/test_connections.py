"""What becomes of connections, by every way in which Python's ``ssl`` makes them."""

import asyncio
import http.client
import pickle
import select
import smtplib
import socket
import ssl
import threading
import unittest

import countersign_sct
from cases import ACCEPTED, DEADLINE_S, Server, Told, client, enforcer, injected, path
from countersign_sct import CertificateTransparencyError
from countersign_sct._connection import Chains, verified_chain


def plain(server, context):
    """The usual way."""
    with context.wrap_socket(server.connect(), server_hostname="localhost") as tls:
        tls.sendall(b"hello")
        return tls.recv(100)


def connect_later(server, context):
    with context.wrap_socket(socket.socket(), server_hostname="localhost") as tls:
        tls.settimeout(DEADLINE_S)
        try:
            tls.connect(server.address)
        except CertificateTransparencyError:
            assert tls.fileno() == -1, "a socket without TLS is left"
            raise
        tls.sendall(b"hello")
        return tls.recv(100)


def without_handshake(first):
    """The handshake takes place in whatever comes first."""

    def way(server, context):
        with context.wrap_socket(
            server.connect(), server_hostname="localhost", do_handshake_on_connect=False
        ) as tls:
            first(tls)
            return tls.recv(100)

    return way


def read_first(server, context):
    with context.wrap_socket(
        server.connect(), server_hostname="localhost", do_handshake_on_connect=False
    ) as tls:
        tls.setblocking(False)
        # Nothing comes before something is sent; but the handshake goes on meanwhile.
        while not tls.version():
            try:
                tls.recv(100)
            except ssl.SSLWantReadError:
                select.select([tls], [], [], 0.05)
            except ssl.SSLWantWriteError:
                select.select([], [tls], [], 0.05)
        tls.settimeout(DEADLINE_S)
        tls.sendall(b"hello")
        return tls.recv(100)


def not_blocking(server, context):
    with context.wrap_socket(
        server.connect(), server_hostname="localhost", do_handshake_on_connect=False
    ) as tls:
        tls.setblocking(False)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                select.select([tls], [], [], DEADLINE_S)
            except CertificateTransparencyError:
                # An event loop still has the file, and does not get anything out of it.
                assert tls.fileno() != -1
                for use in [lambda: tls.send(b"x"), lambda: tls.recv(1), tls.do_handshake]:
                    try:
                        use()
                    except CertificateTransparencyError:
                        continue
                    raise AssertionError("a refused connection was used")
                raise
        tls.setblocking(True)
        tls.sendall(b"hello")
        return tls.recv(100)


def in_memory(server, context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with server.connect() as connection:

        def move(step):
            while True:
                try:
                    result = step()
                    connection.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(10000))

        try:
            move(tls.do_handshake)
        except CertificateTransparencyError:
            outgoing.read()
            for use in [lambda: tls.write(b"secret"), lambda: tls.read(1), tls.do_handshake]:
                try:
                    use()
                except CertificateTransparencyError:
                    continue
                raise AssertionError("a refused connection was used")
            assert not outgoing.read(), "something was sent"
            raise
        move(lambda: tls.write(b"hello"))
        return move(lambda: tls.read(100))


async def _talk(reader, writer):
    writer.write(b"hello")
    answer = await asyncio.wait_for(reader.read(100), DEADLINE_S)
    writer.close()
    await writer.wait_closed()
    return answer


def streams(server, context):
    async def run():
        opened = asyncio.open_connection(*server.address, ssl=context, server_hostname="localhost")
        return await _talk(*await asyncio.wait_for(opened, DEADLINE_S))

    return asyncio.run(run())


def start_tls(server, context):
    """As XMPP clients do after STARTTLS."""

    async def run():
        reader, writer = await asyncio.open_connection(*server.address)
        loop, protocol = asyncio.get_running_loop(), writer.transport.get_protocol()
        transport = await loop.start_tls(
            writer.transport, protocol, context, server_hostname="localhost"
        )
        transport.write(b"hello")
        answer = await asyncio.wait_for(reader.read(100), DEADLINE_S)
        transport.close()
        await asyncio.wait_for(reader.read(), DEADLINE_S)
        return answer

    return asyncio.run(run())


WAYS = {
    "wrap_socket": plain,
    "connect later": connect_later,
    "sendall first": without_handshake(lambda tls: tls.sendall(b"hello")),
    "write first": without_handshake(lambda tls: tls.write(b"hello")),
    "read first": read_first,
    "not blocking": not_blocking,
    "wrap_bio": in_memory,
    "streams": streams,
    "start_tls": start_tls,
}


class Connections(unittest.TestCase):
    def try_all(self, context, accepted):
        for case in ACCEPTED:
            for way, connect in WAYS.items():
                with self.subTest(case=case, way=way), Server(case) as server:
                    if accepted(case):
                        self.assertEqual(connect(server, context()), b"hello")
                    else:
                        with self.assertRaises(CertificateTransparencyError) as refused:
                            connect(server, context())
                        self.assertIn("localhost: refused: ", str(refused.exception))
                        self.assertEqual(server.received, b"")

    def test_stock_accepts_what_it_must_not(self):
        self.try_all(client, lambda case: True)

    def test_injected(self):
        before = client()
        with injected(enforcer()):
            self.try_all(client, ACCEPTED.get)
            # Contexts that were there before are held to it as well.
            self.try_all(lambda: before, ACCEPTED.get)
        with Server("unlogged") as server:
            self.assertEqual(plain(server, before), b"hello")

    def test_one_context(self):
        by = enforcer()
        context = lambda: client(countersign_sct.SSLContext(enforcer=by))
        self.try_all(context, ACCEPTED.get)
        with Server("unlogged") as server:
            self.assertEqual(plain(server, client()), b"hello")

    def test_default_context(self):
        context = countersign_sct.create_default_context(
            cafile=path("trusted.pem"), enforcer=enforcer()
        )
        self.assertTrue(context.check_hostname)
        self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
        self.assertEqual(context.verify_flags, ssl.create_default_context().verify_flags)
        with Server("good") as server:
            self.assertEqual(plain(server, context), b"hello")
        with Server("unlogged") as server, self.assertRaises(CertificateTransparencyError):
            plain(server, context)

    def test_a_trusted_intermediate(self):
        """As a client does whose owner mended a server that sends none; Python 3.13 ends there by itself."""
        with open(path("good", "chain.pem")) as file:
            intermediate = file.read().split("-----BEGIN")[2]
        with open(path("root.pem")) as file:
            trusted = {"alone": "", "beside its root": file.read()}
        for how, pem in trusted.items():
            for case, accepted in {"good": True, "unlogged": False}.items():
                with self.subTest(how, case=case), Server(case) as server, injected(enforcer()):
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                    context.load_verify_locations(cadata=pem + "-----BEGIN" + intermediate)
                    if accepted:
                        self.assertEqual(plain(server, context), b"hello")
                    else:
                        self.assertRaises(CertificateTransparencyError, plain, server, context)

    def test_version_12(self):
        with injected(enforcer()):
            for case, accepted in ACCEPTED.items():
                with self.subTest(case=case), Server(case, ssl.TLSVersion.TLSv1_2) as server:
                    if accepted:
                        self.assertEqual(plain(server, client()), b"hello")
                    else:
                        self.assertRaises(CertificateTransparencyError, plain, server, client())

    def test_the_error_is_one_that_programs_know(self):
        with injected(enforcer()), Server("unlogged") as server:
            with self.assertRaises(ssl.SSLCertVerificationError) as refused:
                plain(server, client())
        error = refused.exception
        self.assertEqual(
            str(error),
            "localhost: refused: no log has promised to publish the certificate: it has no SCT",
        )
        self.assertEqual(error.verify_message, str(error))
        self.assertEqual((error.verify_code, error.errno), (71, ssl.SSL_ERROR_SSL))
        handed_over = pickle.loads(pickle.dumps(error))
        self.assertIsInstance(handed_over, CertificateTransparencyError)
        self.assertEqual(str(handed_over), str(error))

    def test_what_ssl_refuses_is_refused_by_ssl(self):
        untrusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with injected(enforcer()), Server("good") as server:
            with self.assertRaises(ssl.SSLCertVerificationError) as refused:
                plain(server, untrusting)
            self.assertNotIsInstance(refused.exception, CertificateTransparencyError)

    def test_nothing_verified_is_told(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with injected(enforcer()), Server("unlogged") as server, Told() as told:
            self.assertEqual(plain(server, context), b"hello")
            self.assertEqual(plain(server, context), b"hello")
        self.assertEqual(len(told.sentences), 1)
        self.assertIn("CERT_NONE", told.sentences[0])

    def test_a_class_of_its_own(self):
        """As `truststore` has it: the context is told which class to use."""

        class Own(ssl.SSLObject):
            pass

        with injected(enforcer()), Server("unlogged") as server:
            context = client()
            context.sslobject_class = Own
            self.assertTrue(issubclass(context.sslobject_class, Own))
            self.assertRaises(CertificateTransparencyError, streams, server, context)

    def test_a_class_that_is_set_later_is_checked_too(self):
        class OwnObject(ssl.SSLObject):
            pass

        class OwnSocket(ssl.SSLSocket):
            pass

        context = client(countersign_sct.SSLContext(enforcer=enforcer()))
        context.sslobject_class, context.sslsocket_class = OwnObject, OwnSocket
        self.assertTrue(issubclass(context.sslobject_class, OwnObject))
        for case, accepted in {"good": True, "unlogged": False}.items():
            for way in [plain, streams]:
                with self.subTest(case=case, way=way), Server(case) as server:
                    if accepted:
                        self.assertEqual(way(server, context), b"hello")
                    else:
                        self.assertRaises(CertificateTransparencyError, way, server, context)

    def test_another_context_in_place_of_that_of_ssl(self):
        """As ``truststore.inject_into_ssl`` puts it there."""

        class Replacing(ssl.SSLContext):
            def __init__(self, protocol):
                self.inner = stock(protocol)

        stock, ssl.SSLContext = ssl.SSLContext, Replacing
        try:
            with injected(enforcer()), Server("unlogged") as server:
                context = client(Replacing(ssl.PROTOCOL_TLS_CLIENT).inner)
                self.assertRaises(CertificateTransparencyError, plain, server, context)
                self.assertRaises(CertificateTransparencyError, streams, server, context)
        finally:
            ssl.SSLContext = stock
        self.assertEqual(ssl.SSLContext.sslsocket_class, ssl.SSLSocket)

    def test_what_counts_is_what_was_verified_when_tls_began(self):
        def wrapped(server, before, after):
            context = client()
            context.check_hostname = False
            context.verify_mode = before
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
            unconnected = context.wrap_socket(
                socket.socket(), server_hostname="localhost", do_handshake_on_connect=False
            )
            with unconnected:
                unconnected.settimeout(DEADLINE_S)
                unconnected.connect(server.address)
                context.verify_mode = after
                try:
                    unconnected.do_handshake()
                    yield "socket", True
                except CertificateTransparencyError:
                    yield "socket", False
            with server.connect() as connection:
                while True:
                    try:
                        tls.do_handshake()
                        yield "object", True
                        break
                    except CertificateTransparencyError:
                        yield "object", False
                        break
                    except ssl.SSLWantReadError:
                        connection.sendall(outgoing.read())
                        incoming.write(connection.recv(10000))

        with injected(enforcer()), Server("unlogged") as server, Told() as told:
            for before, after, accepted in [
                (ssl.CERT_REQUIRED, ssl.CERT_NONE, False),
                (ssl.CERT_NONE, ssl.CERT_REQUIRED, True),
            ]:
                found = dict(wrapped(server, before, after))
                self.assertEqual(found, {"socket": accepted, "object": accepted})
        self.assertEqual(len(told.sentences), 1)
        self.assertIn("CERT_NONE", told.sentences[0])

    def test_eject_leaves_nothing_behind(self):
        before = (ssl.SSLContext.sslsocket_class, ssl.SSLContext.sslobject_class)
        countersign_sct.inject(enforcer())
        countersign_sct.inject(enforcer())
        countersign_sct.eject()
        countersign_sct.eject()
        self.assertEqual(before, (ssl.SSLSocket, ssl.SSLObject))
        self.assertEqual(before, (ssl.SSLContext.sslsocket_class, ssl.SSLContext.sslobject_class))

    def test_a_judge_that_fails_refuses(self):
        class Broken(countersign_sct.Enforcer):
            def refusal(self, *_):
                raise RuntimeError("out of order")

        class Interrupted(countersign_sct.Enforcer):
            def refusal(self, *_):
                raise KeyboardInterrupt

        with Server("good") as server:
            with injected(Broken()), self.assertRaises(CertificateTransparencyError) as refused:
                plain(server, client())
            self.assertIn("out of order", str(refused.exception))
            with injected(Interrupted()):
                connection = client().wrap_socket(
                    server.connect(), server_hostname="localhost", do_handshake_on_connect=False
                )
                self.assertRaises(KeyboardInterrupt, connection.do_handshake)
                self.assertRaises(CertificateTransparencyError, connection.send, b"secret")
                connection.close()
            self.assertEqual(server.received, b"")

    def test_http_client(self):
        class Page(Server):
            def talk(self, connection):
                with self.context.wrap_socket(connection, server_side=True) as tls:
                    self.received += tls.recv(1000)
                    tls.sendall(b"HTTP/1.0 200 OK\r\n\r\nserved")

        for case, accepted in ACCEPTED.items():
            with self.subTest(case=case), injected(enforcer()), Page(case) as server:
                connection = http.client.HTTPSConnection(
                    "localhost", server.address[1], timeout=DEADLINE_S, context=client()
                )
                if accepted:
                    connection.request("GET", "/")
                    self.assertEqual(connection.getresponse().read(), b"served")
                else:
                    with self.assertRaises(CertificateTransparencyError):
                        connection.request("GET", "/")
                connection.close()

    def test_smtp_starttls_falls_back_to_nothing(self):
        class Mail(Server):
            def talk(self, connection):
                connection.sendall(b"220 mail\r\n")
                for answer in [b"250-mail\r\n250 STARTTLS\r\n", b"220 go\r\n"]:
                    connection.recv(1000)
                    connection.sendall(answer)
                super().talk(connection)

        with injected(enforcer()), Mail("unlogged") as server:
            # `smtplib` verifies that the name is that of the server it was told of.
            mail = smtplib.SMTP("localhost", server.address[1], timeout=DEADLINE_S)
            self.assertRaises(CertificateTransparencyError, mail.starttls, context=client())
            self.assertRaises((OSError, smtplib.SMTPException), mail.docmd, "MAIL FROM:<a@b>")
            mail.close()
            self.assertEqual(server.received, b"")

    def test_threads(self):
        errors = []

        def run(case, server):
            try:
                for _ in range(10):
                    try:
                        assert plain(server, client()) == b"hello" and ACCEPTED[case], case
                    except CertificateTransparencyError:
                        assert not ACCEPTED[case], case
            except BaseException as error:
                errors.append(error)

        with injected(enforcer()), Server("good") as good, Server("unlogged") as unlogged:
            servers = [("good", good), ("unlogged", unlogged)] * 4
            threads = [threading.Thread(target=run, args=one) for one in servers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10 * DEADLINE_S)
        self.assertEqual(errors, [])


class Sessions(unittest.TestCase):
    """A resumed session brings no certificates."""

    VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]

    def connect(self, server, context, session=None):
        """The session to resume next time, whether one was resumed, and what OpenSSL calls verified."""
        with context.wrap_socket(
            server.connect(), server_hostname="localhost", session=session
        ) as tls:
            tls.sendall(b"hello")
            # Tickets of version 1.3 come after the handshake.
            self.assertEqual(tls.recv(100), b"hello")
            return tls.session, tls.session_reused, verified_chain(tls)

    def test_a_judged_one_is_resumed(self):
        for version in self.VERSIONS:
            with self.subTest(version), Server("good", version) as server, injected(enforcer()):
                context = client()
                session, reused, chain = self.connect(server, context)
                self.assertEqual((reused, len(chain)), (False, 3))
                for _ in range(3):
                    session, reused, chain = self.connect(server, context, session)
                    # This is why it has to be remembered.
                    self.assertEqual((reused, chain), (True, []))

    def test_one_that_was_not_judged_is_not_resumed(self):
        for version in self.VERSIONS:
            with self.subTest(version), Server("unlogged", version) as server:
                context = client()
                session, _, _ = self.connect(server, context)
                self.assertTrue(self.connect(server, context, session)[1])
                with injected(enforcer()):
                    self.assertRaises(
                        CertificateTransparencyError, self.connect, server, context, session
                    )
                    self.assertRaises(
                        CertificateTransparencyError, self.in_memory, server, context, session
                    )
            with self.subTest(version), Server("good", version) as server:
                context = client()
                session, _, _ = self.connect(server, context)
                with injected(enforcer()):
                    self.assertFalse(self.connect(server, context, session)[1])

    def test_it_is_judged_again(self):
        class Changing(countersign_sct.Enforcer):
            refuses = False

            def refusal(self, chain, host=None):
                assert len(chain) == 3
                return "refused: the list has changed" if self.refuses else None

        for version in self.VERSIONS:
            by = Changing()
            with self.subTest(version), Server("good", version) as server, injected(by):
                context = client()
                session, _, _ = self.connect(server, context)
                self.assertTrue(self.connect(server, context, session)[1])
                by.refuses = True
                self.assertRaises(
                    CertificateTransparencyError, self.connect, server, context, session
                )

    def test_a_refused_connection_hands_none_out(self):
        with Server("unlogged", ssl.TLSVersion.TLSv1_2) as server, injected(enforcer()):
            tls = client().wrap_socket(
                server.connect(), server_hostname="localhost", do_handshake_on_connect=False
            )
            with tls:
                self.assertRaises(CertificateTransparencyError, tls.do_handshake)
                self.assertIsNone(tls.session)

    def test_another_session_with_the_same_id(self):
        class Session:
            id, time, has_ticket = b"chosen", 1, False

        class Later(Session):
            time = 2

        chains = Chains()
        chains.remember(Session(), [b"chain"])
        self.assertEqual((chains.of(Session()), chains.of(Later())), ([b"chain"], None))
        chains.forget(Session())
        self.assertIsNone(chains.of(Session()))

    def test_in_memory(self):
        with Server("good", ssl.TLSVersion.TLSv1_2) as server, injected(enforcer()):
            context = client()
            session, _ = self.in_memory(server, context, None)
            session, reused = self.in_memory(server, context, session)
            self.assertTrue(reused)

    def in_memory(self, server, context, session):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost", session=session)
        with server.connect() as connection:
            while True:
                try:
                    tls.do_handshake()
                    return tls.session, tls.session_reused
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(10000))


if __name__ == "__main__":
    unittest.main()
