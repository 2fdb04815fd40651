"""A webhook receiver in Python's standard library: takes one request, checks its HMAC, prints what came.

Argument: the secret. The first line printed is its port.
"""

import hashlib
import hmac
import http.server
import json
import sys

SECRET = sys.argv[1].encode()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        timestamp = self.headers["Countersign-Timestamp"]
        signed = hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest("v1=" + signed, self.headers["Countersign-Signature"])
        print(self.path)
        for name in ("Content-Type", "Idempotency-Key", "Countersign-Event", "Countersign-Attempt"):
            print(self.headers[name])
        print(timestamp)
        print("genuine" if genuine else "forged")
        print(json.loads(body))
        self.send_response(204 if genuine else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
server.timeout = 20
print(server.server_port, flush=True)
server.handle_request()
