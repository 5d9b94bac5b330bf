# SPDX-License-Identifier: GPL-2.0-or-later
"""A platform's HTTP API, played from a file: platform_http.py FIXTURE DIR

FIXTURE (tests/data/platform-http/) is a JSON object: "exchanges", a list of {"request", "response"}.
A request is method, path (with its query, as sent), "headers" (each must be there just so; null: must
not be) and "body" (JSON; null: none). A response is status, body and "delay" (seconds before it; a
client that waits less sees a timeout). Every exchange is played once, the first that fits; what fits
none is answered with 599.

The port goes to DIR/port. On SIGTERM DIR/verdict says "ok", or what was asked that should not have been,
and what was not asked.
"""
import http.server
import json
import os
import signal
import sys
import threading
import time

fixture, directory = sys.argv[1:]
with open(fixture) as f:
    left = json.load(f)["exchanges"]
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

    def play(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
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
            self.send_response(response["status"])
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())
        except OSError:
            pass  # a client that did not wait

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = play

    def log_message(self, *args):
        pass


def end(*args):
    with open(os.path.join(directory, "verdict.new"), "w") as f:
        if wrong or left:
            f.write(json.dumps({"asked though not expected": wrong, "not asked": [e["request"] for e in left]}))
        else:
            f.write("ok")
    os.rename(os.path.join(directory, "verdict.new"), os.path.join(directory, "verdict"))
    os._exit(0)


signal.signal(signal.SIGTERM, end)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Platform)
server.daemon_threads = True
with open(os.path.join(directory, "port.new"), "w") as f:
    f.write(str(server.server_port))
os.rename(os.path.join(directory, "port.new"), os.path.join(directory, "port"))
server.serve_forever()
