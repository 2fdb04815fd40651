"""A mail server by aiosmtpd: takes one mail by login under TLS, and prints as JSON what came.

Arguments: certificate and key (PEM), `tls` or `starttls`. The first line printed is its port.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Receiver:
    def __init__(self, done):
        self.done = done

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.done.set_result(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "tls": session.ssl is not None,
                "authenticated": session.authenticated,
                "headers": [[name, str(value)] for name, value in mail.items()],
                "text": mail.get_content(),
                "defects": [str(defect) for defect in mail.defects],
            }
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"watch", "pässword".encode())
    return AuthResult(success=known, handled=False)


async def main():
    certificate, key, security = sys.argv[1:]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    implicit = security == "tls"
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def connection():
        return SMTP(
            Receiver(done),
            hostname="mail.example",
            tls_context=None if implicit else context,
            require_starttls=not implicit,
            auth_required=True,
            # With implicit TLS the server does not know that it is under TLS.
            auth_require_tls=not implicit,
            authenticator=authenticate,
        )

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    print(json.dumps(await asyncio.wait_for(done, 20)), flush=True)


asyncio.run(main())
