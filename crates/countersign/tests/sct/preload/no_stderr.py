"""A client whose standard error has become something else: no_stderr.py TRUSTED PORT file|gone FILE"""

import os
import signal
import socket
import ssl
import sys

trusted, port, way, path = sys.argv[1:]
sys.stderr = sys.stdout
if way == "file":
    os.close(2)
    assert os.open(path, os.O_WRONLY | os.O_CREAT) == 2
else:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    os.close(reader)

context = ssl.create_default_context(cafile=trusted)
try:
    with socket.create_connection(("127.0.0.1", int(port))) as plain:
        context.wrap_socket(plain, server_hostname="localhost")
except ssl.SSLError as why:
    print("refused:", why)
