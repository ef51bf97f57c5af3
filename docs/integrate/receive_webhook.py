"""Receives Tellal's events, verified as Standard Webhooks. Needs Python 3 alone.

TELLAL_WEBHOOK_SECRET=whsec_… python receive_webhook.py 8080

Put it behind a server that speaks https.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["TELLAL_WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE_S = 300  # an older request may be somebody's copy
MAX_BYTES = 1_000_000
seen: set[str] = set()  # keep yours in a database, for a week at least


def is_ours(headers, body: bytes) -> bool:
    """Whether Tellal sent this, and just now."""
    number, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isascii() or not sent_at.isdigit():
        return False
    if abs(time.time() - int(sent_at)) > TOLERANCE_S:
        return False
    mac = hmac.digest(KEY, f"{number}.{sent_at}.".encode() + body, hashlib.sha256)
    right = b"v1," + base64.b64encode(mac)
    # Two signatures while a secret is being changed: one that is right will do.
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(right, one) for one in given)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > MAX_BYTES:
            return self.say(413)
        body = self.rfile.read(int(size))
        if not is_ours(self.headers, body):
            return self.say(401)
        number = self.headers["webhook-id"]
        if number not in seen:
            event = json.loads(body)
            print(number, event["type"], event["data"].get("title", ""), flush=True)
            seen.add(number)
        return self.say(204)  # also to a copy; soon: do what takes long after the answer

    def say(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
