# SPDX-License-Identifier: GPL-2.0-or-later
"""Platforms' HTTP APIs, played from files: platform_http.py PORT_FILE, which gets the port.

POST /.play with a fixture (tests/data/platform-http/) begins it: a JSON object whose "exchanges" is a list
of {"request", "response"}. A request is method, path (with its query, as sent), "headers" (each must be
there just so) and "body" (JSON; absent: none). A response is status, body and "delay" (seconds before it;
a client that waits less sees a timeout). Every exchange is played once, the first that fits; what fits
none is answered with 599. GET /.verdict says "ok", or what was asked that should not have been, and what
was not asked.
"""
import http.server
import json
import os
import sys
import threading
import time

left = []
wrong = []
lock = threading.Lock()


def fits(request, got):
    headers = request.get("headers", {})
    return (
        request["method"] == got["method"]
        and request["path"] == got["path"]
        and all(got["headers"].get(k.lower()) == v for k, v in headers.items())
        and request.get("body") == got["body"]
    )


class Platform(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def control(self, body):
        with lock:
            if self.path == "/.play":
                left[:] = json.loads(body)["exchanges"]
                wrong[:] = []
            elif wrong or left:
                return json.dumps({"asked though not expected": wrong, "not asked": [e["request"] for e in left]})
        return "ok"

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def play(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/."):
            return self.answer(200, self.control(body))
        got = {
            "method": self.command,
            "path": self.path,
            "headers": {k.lower(): v for k, v in self.headers.items()},
        }
        try:
            got["body"] = json.loads(body) if body else None
        except ValueError:
            got["body"] = "no JSON: " + repr(body)
        with lock:
            found = next((e for e in left if fits(e["request"], got)), None)
            if found:
                left.remove(found)
            else:
                wrong.append(got)
        response = found["response"] if found else {"status": 599, "body": "not in the fixture"}
        time.sleep(response.get("delay", 0))
        text = response.get("body", "")
        text = text if isinstance(text, str) else json.dumps(text)
        try:
            self.answer(response["status"], text)
        except OSError:
            pass  # a client that did not wait

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = play

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
server.daemon_threads = True
with open(sys.argv[1] + ".new", "w") as f:
    f.write(str(server.server_port))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
