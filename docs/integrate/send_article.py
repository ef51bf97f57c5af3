"""Sends one article to Tellal, signed as Standard Webhooks. Needs Python 3 alone.

TELLAL_SOURCE_SECRET=whsec_… python send_article.py https://tellal.example/v1/sources/SLUG/articles
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request

article = {
    "id": "58150",
    "state": "published",
    "title": "Körfez için iklim eylem planı",
    "url": "https://www.example.bel.tr/haber/58150",
    "summary": "Karbon salımı azalacak.",
    "body_html": "<p>Plan bugün kabul edildi.</p>",
}
key = base64.b64decode(os.environ["TELLAL_SOURCE_SECRET"].removeprefix("whsec_"))
body = json.dumps(article, ensure_ascii=False).encode()
# The same on every retry of one event, so that a repeat does nothing again, and another for every
# other event: where your CMS numbers its events or revisions, use that number.
event_id, now = f"{article['id']}-{hashlib.sha256(body).hexdigest()[:16]}", str(int(time.time()))
mac = hmac.digest(key, f"{event_id}.{now}.".encode() + body, "sha256")
headers = {
    "Content-Type": "application/json",
    "webhook-id": event_id,
    "webhook-timestamp": now,
    "webhook-signature": "v1," + base64.b64encode(mac).decode(),
}
request = urllib.request.Request(sys.argv[1], body, headers)
try:
    answer = urllib.request.urlopen(request, timeout=10)
except urllib.error.URLError as error:
    if getattr(error, "code", 500) < 500:
        raise
    time.sleep(2)  # Tellal is restarting, or its database is away
    answer = urllib.request.urlopen(request, timeout=10)
print(answer.read().decode())
