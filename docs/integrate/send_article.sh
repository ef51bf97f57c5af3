#!/bin/sh
# Sends one article to Tellal, signed as Standard Webhooks. Needs curl (7.76) and openssl.
#
# TELLAL_SOURCE_SECRET=whsec_… sh send_article.sh https://tellal.example/v1/sources/SLUG/articles
set -eu

body='{"id": "58150", "state": "published", "title": "Körfez için iklim eylem planı",
 "url": "https://www.example.bel.tr/haber/58150", "summary": "Karbon salımı azalacak.",
 "body_html": "<p>Plan bugün kabul edildi.</p>"}'

# The same on every retry of one event, so that a repeat does nothing again, and another for every
# other event: where your CMS numbers its events or revisions, use that number.
hash=$(printf %s "$body" | openssl dgst -sha256 -r | cut -c1-16)
id="58150-$hash"
now=$(date +%s)
# openssl takes the key in hexadecimal digits. Other users of this machine see its arguments for a
# moment: run this where there are none, or use the example in PHP or Python.
key=$(printf %s "${TELLAL_SOURCE_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
signature=$(printf %s "$id.$now.$body" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

# It is tried once more, with the same id, where Tellal is restarting or its database is away.
curl --silent --show-error --fail-with-body --max-time 10 --retry 1 --retry-delay 2 \
    --retry-connrefused \
    --header 'Content-Type: application/json' \
    --header "webhook-id: $id" \
    --header "webhook-timestamp: $now" \
    --header "webhook-signature: v1,$signature" \
    --data-binary "$body" "$1"
