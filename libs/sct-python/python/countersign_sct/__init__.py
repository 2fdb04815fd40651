"""Certificate Transparency for Python's ``ssl``.

Applications call :func:`inject` once, and everything that uses ``ssl`` is held to it. Libraries make a context of
their own with :func:`create_default_context`, or an :class:`SSLContext`.

A connection whose certificate lacks the promises of enough transparency logs (SCTs, RFC 6962) is refused with a
:class:`CertificateTransparencyError`. Certificates of private CAs are none of our business, and where a program
asked ``ssl`` not to verify anything, there is nothing to add to: that is said in the log.
"""

from ._connection import CertificateTransparencyError
from ._context import SSLContext, create_default_context, eject, inject
from ._enforcer import Enforcer
from ._native import Decision

__all__ = [
    "CertificateTransparencyError",
    "Decision",
    "Enforcer",
    "SSLContext",
    "create_default_context",
    "eject",
    "inject",
]
