"""Contexts: one, or all of a process."""

import os
import ssl
import sys
from typing import Any, Optional

from ._connection import is_checked
from ._enforcer import Enforcer

_NAMES = ("sslsocket_class", "sslobject_class")

#: The class that first had these names: that of `ssl`. A subclass may stand in its place, as `truststore` does it.
_STOCK = next(one for one in reversed(ssl.SSLContext.__mro__) if vars(one).keys() >= {*_NAMES})

_default: Optional[Enforcer] = None


def default_enforcer() -> Enforcer:
    """The enforcer of all contexts that were given none: as the environment says."""
    global _default
    if _default is None:
        _default = Enforcer.from_environment()
    return _default


class _Own:
    """Stands for ``sslsocket_class`` or ``sslobject_class`` of an :class:`SSLContext`.

    What is set in a context comes out as a checked class like it.
    """

    def __init__(self, stock: type) -> None:
        self._stock = stock

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, context: Any, owner: Any = None) -> Any:
        if context is None:
            return self._stock
        return context.enforcer.checked_class(vars(context).get(self._name, self._stock))

    def __set__(self, context: Any, base: type) -> None:
        vars(context)[self._name] = base


class SSLContext(_STOCK):  # type: ignore[misc, valid-type]
    """An ``ssl.SSLContext`` whose clients demand that certificates are in public logs.

    Everything else is as ``ssl`` has it, so it still has to be told which roots to trust:
    :func:`create_default_context` does.
    """

    def __new__(
        cls, protocol: int = ssl.PROTOCOL_TLS_CLIENT, *, enforcer: Optional[Enforcer] = None
    ) -> "SSLContext":
        self = super().__new__(cls, protocol)
        self.enforcer = enforcer or default_enforcer()
        # A Python that cannot do it says so here.
        self.enforcer.checked_class(ssl.SSLSocket)
        return self

    #: Who judges.
    enforcer: Enforcer

    sslsocket_class = _Own(ssl.SSLSocket)
    sslobject_class = _Own(ssl.SSLObject)


def create_default_context(
    *,
    cafile: Any = None,
    capath: Any = None,
    cadata: Any = None,
    enforcer: Optional[Enforcer] = None,
) -> SSLContext:
    """An :class:`SSLContext` for clients, with the settings of ``ssl.create_default_context``."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT, enforcer=enforcer)
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    key_log = os.environ.get("SSLKEYLOGFILE")
    if key_log and not sys.flags.ignore_environment:
        context.keylog_filename = key_log
    return context


class _Injected:
    """Stands for ``sslsocket_class`` or ``sslobject_class`` of every context.

    It can still be set in a context, as some libraries do: what comes out is a checked class like the one that was
    set.
    """

    def __init__(self, name: str, stock: Any, enforcer: Enforcer) -> None:
        self._name = name
        self.stock = stock
        self._enforcer = enforcer

    def __get__(self, context: Optional[ssl.SSLContext], owner: Any = None) -> Any:
        base = self.stock if context is None else vars(context).get(self._name, self.stock)
        return base if is_checked(base) else self._enforcer.checked_class(base)

    def __set__(self, context: ssl.SSLContext, base: Any) -> None:
        vars(context)[self._name] = base


def inject(enforcer: Optional[Enforcer] = None) -> None:
    """Holds every client in this process that uses ``ssl`` to Certificate Transparency, from here on.

    For applications: a library that does it decides for the program that uses it. Without an ``enforcer``, it is one
    as the variables ``COUNTERSIGN_…`` say. Connections that exist are left as they are; contexts are not.
    """
    enforcer = enforcer or default_enforcer()
    # A Python that cannot do it says so here.
    enforcer.checked_class(ssl.SSLSocket)
    eject()
    for name in _NAMES:
        stock = vars(_STOCK)[name]
        setattr(_STOCK, name, _Injected(name, stock, enforcer))


def eject() -> None:
    """Undoes :func:`inject`. Connections that were made in between stay checked."""
    for name in _NAMES:
        injected = vars(_STOCK)[name]
        if isinstance(injected, _Injected):
            setattr(_STOCK, name, injected.stock)
