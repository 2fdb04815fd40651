"""Sockets and TLS objects whose handshake is over only when the server's certificate has been judged.

OpenSSL shakes hands whenever it has to: in ``do_handshake``, but also in the first ``read`` or ``write`` of a program
that never calls it. So nothing is read or written before the verdict, by whichever way a program goes.

A resumed session brings no certificates, and OpenSSL keeps no verified chain in it. Therefore only sessions of
connections that were judged here are resumed, and their chain is judged again: the list of logs may have changed
since. Any other session is left unused, and the server has to show its certificate. What a session is known by, its
server has chosen: so nobody is handed one of a connection that was refused.
"""

import socket
import ssl
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, List, Optional, Tuple

import _ssl

from ._telling import plain, tell

if TYPE_CHECKING:
    from ._enforcer import Enforcer

#: OpenSSL has this number for "no valid SCTs" (X509_V_ERR_NO_VALID_SCTS).
NO_VALID_SCTS = 71

#: Sessions whose chains are remembered. Programs that resume sessions at all keep a few for each server.
SESSIONS_MAX = 1024


class CertificateTransparencyError(ssl.SSLCertVerificationError):
    """The server's certificate was verified, but not enough logs have promised to publish it.

    The connection is closed. It must not be tried again without TLS.
    """

    def __init__(self, sentence: str) -> None:
        sentence = plain(sentence)
        super().__init__(ssl.SSL_ERROR_SSL, sentence)
        self.library = "countersign"
        self.reason = "CERTIFICATE_TRANSPARENCY"
        self.verify_code = NO_VALID_SCTS
        self.verify_message = sentence

    def __reduce__(self) -> Any:
        # Other processes of a pool hand it over.
        return (type(self), (self.verify_message,))


def verified_chain(tls: Any) -> List[bytes]:
    """The chain that OpenSSL has verified, from the server's certificate to the root, in DER.

    Empty if there is none. ``ssl`` has a public method for it since Python 3.13, and a private one since 3.10.
    """
    if hasattr(tls, "get_verified_chain"):
        return [bytes(certificate) for certificate in tls.get_verified_chain()]
    chain = tls._sslobj.get_verified_chain()
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in chain or ()]


def is_checked(base: type) -> bool:
    """Whether an enforcer judges what connects with this class."""
    return getattr(base, "_countersign_enforcer", None) is not None


def checked(base: type, enforcer: "Enforcer") -> type:
    """A class like ``base``, ``ssl.SSLSocket`` or ``ssl.SSLObject``, that has ``enforcer`` judge each server."""
    if is_checked(base):
        return base
    if not hasattr(_ssl._SSLSocket, "get_verified_chain"):
        raise NotImplementedError("Python 3.10 or later is needed: ssl does not say before how it verified a server")
    chains = Chains()

    class Checked(base):  # type: ignore[misc, valid-type]
        _countersign_enforcer = enforcer
        #: Whether the verdict was in favour, or none is due.
        _countersign_passed = False
        #: The verdict, if it was not.
        _countersign_refusal: Optional[str] = None
        #: The chain that was judged.
        _countersign_chain: Optional[List[bytes]] = None
        #: The session that was offered to the server. Sockets keep it themselves, in `_session`.
        _countersign_session: Any = None
        #: What the context verified when TLS began, which is what OpenSSL goes by.
        _countersign_mode: Optional[ssl.VerifyMode] = None

        @classmethod
        def _create(cls, *args: Any, session: Any = None, **kwargs: Any) -> Any:
            # The first step of `wrap_socket` and `wrap_bio`. A socket may shake hands within.
            session = session if chains.of(session) else None
            made = super()._create(*args, session=session, **kwargs)
            made._countersign_session = session
            made._countersign_note_mode()
            return made

        def do_handshake(self, *args: Any, **kwargs: Any) -> None:
            self._countersign_raise_refusal()
            self._countersign_note_mode()
            super().do_handshake(*args, **kwargs)
            if not self._countersign_passed:
                self._countersign_judge()

        def read(self, *args: Any, **kwargs: Any) -> Any:
            if not self._countersign_passed:
                self._countersign_before_data()
            return super().read(*args, **kwargs)

        def write(self, *args: Any, **kwargs: Any) -> Any:
            if not self._countersign_passed:
                self._countersign_before_data()
            return super().write(*args, **kwargs)

        @property
        def session(self) -> Any:
            if not self._countersign_passed:
                return None
            session = super().session
            if self._countersign_chain is not None:
                chains.remember(session, self._countersign_chain)
            elif not self.server_side:
                chains.forget(session)
            return session

        @session.setter
        def session(self, session: Any) -> None:
            if chains.of(session):
                base.session.fset(self, session)  # type: ignore[attr-defined]
                self._countersign_session = session

        def _countersign_note_mode(self) -> None:
            # `truststore` puts CERT_NONE into the context only while it makes the TLS object.
            if self._countersign_mode is None and self._sslobj is not None:
                self._countersign_mode = self.context.verify_mode

        def _countersign_before_data(self) -> None:
            self._countersign_raise_refusal()
            # A socket that is not connected yet, or has left TLS, has no TLS object: `ssl` deals with that.
            if self._sslobj is not None:
                self.do_handshake()

        def _countersign_raise_refusal(self) -> None:
            if self._countersign_refusal is not None:
                raise CertificateTransparencyError(self._countersign_refusal)

        def _countersign_judge(self) -> None:
            # Whatever goes wrong, and be it the user who presses Ctrl-C: without a verdict there is no connection.
            self._countersign_refusal = "refused: the certificate could not be judged"
            try:
                self._countersign_refusal = self._countersign_verdict()
            finally:
                self._countersign_passed = self._countersign_refusal is None
                if not self._countersign_passed:
                    chains.forget(self._countersign_offered())
                    self._countersign_hang_up()
            self._countersign_raise_refusal()

        def _countersign_verdict(self) -> Optional[str]:
            if self.server_side:
                return None
            host = self.server_hostname
            if self._countersign_mode == ssl.CERT_NONE:
                about = host or "a host without a name"
                sentence = "countersign: ssl verifies nothing for %s (CERT_NONE), so there is nothing to add to"
                tell("not-verified", about, sentence % about)
                return None
            chain = verified_chain(self)
            if not chain and self.session_reused:
                chain = chains.of(self._countersign_offered()) or []
            try:
                refusal = enforcer.refusal(chain, host)
            except Exception as why:
                refusal = "refused: the certificate could not be judged: %r" % why
            if refusal is None:
                self._countersign_chain = chain
                return None
            return "%s: %s" % (host, refusal) if host else refusal

        def _countersign_offered(self) -> Any:
            return self._countersign_session or getattr(self, "_session", None)

        def _countersign_hang_up(self) -> None:
            """Whoever moves the bytes has to close: here there are none."""

    class CheckedSocket(Checked):
        def send(self, *args: Any, **kwargs: Any) -> Any:
            if not self._countersign_passed:
                self._countersign_before_data()
            return super().send(*args, **kwargs)

        def connect(self, address: Any) -> None:
            # Here `ssl` leaves a socket without TLS behind, if the handshake fails. It must not be used as such.
            try:
                super().connect(address)
                self._countersign_note_mode()
            except CertificateTransparencyError:
                self.close()
                raise

        def connect_ex(self, address: Any) -> int:
            try:
                result = super().connect_ex(address)
                self._countersign_note_mode()
                return result
            except CertificateTransparencyError:
                self.close()
                raise

        def _countersign_hang_up(self) -> None:
            # Not `close`: an event loop may wait for this very file, and closes it when it gets the error.
            try:
                socket.socket.shutdown(self, socket.SHUT_RDWR)
            except OSError:
                pass

    made = CheckedSocket if issubclass(base, socket.socket) else Checked
    made.__name__ = made.__qualname__ = base.__name__
    return made


class Chains:
    """The chains of sessions. An id alone is what a server has chosen, of version 1.2."""

    def __init__(self) -> None:
        self._chains: "OrderedDict[Tuple[Any, ...], List[bytes]]" = OrderedDict()

    def remember(self, session: Any, chain: List[bytes]) -> None:
        """A session of a connection whose chain was judged, and is not refused."""
        if session is not None and session.id:
            self._chains[self._key(session)] = chain
            while len(self._chains) > SESSIONS_MAX:
                self._chains.popitem(last=False)

    def of(self, session: Any) -> Optional[List[bytes]]:
        """The chain of a session, if it is known."""
        return None if session is None else self._chains.get(self._key(session))

    def forget(self, session: Any) -> None:
        """A session that is not to be resumed."""
        if session is not None:
            self._chains.pop(self._key(session), None)

    @staticmethod
    def _key(session: Any) -> Tuple[Any, ...]:
        return (session.id, session.time, session.has_ticket)
