"""A host on the loopback that has what a test says, and misbehaves as it says."""

import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Host:
    """What is at each path, and what becomes of the next requests.

    Attributes:
        files: the bytes at a path.
        breaks_after: of each of the next answers, the bytes after which the connection breaks; a
            negative number is a status without content.
        has_ranges: whether parts can be asked for.
        asked: the header Range of every request, "" where there was none.
    """

    def __init__(self):
        self.files = {}
        self.breaks_after = []
        self.has_ranges = True
        self.has_lengths = True
        self.asked = []


@contextmanager
def serving(host):
    """The address of a host."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range", "")
            host.asked.append(asked)
            most = host.breaks_after.pop(0) if host.breaks_after else None
            data = host.files.get(self.path)
            if data is None or (most is not None and most < 0):
                self.send_error(404 if data is None else -most)
                return
            start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and host.has_ranges else 0
            if start > len(data):
                self.send_error(416)
                return
            self.send_response(206 if asked and host.has_ranges else 200)
            if asked and host.has_ranges:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            if host.has_lengths:
                self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            self.wfile.write(data[start:] if most is None else data[start : start + most])
            self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
