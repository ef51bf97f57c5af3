"""`tellal post`: send one article to a running service, as a CMS would."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

import click
from standardwebhooks.webhooks import Webhook

from service.cli.refusal import Refusal
from service.settings import load

TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Answer:
    """What the door said."""

    status: int
    body: dict[str, Any]


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--source", "slug", required=True, help="Slug of the source.")
@click.option(
    "--secret",
    required=True,
    envvar="TELLAL_SOURCE_SECRET",
    help="Its secret, whsec_…; better in TELLAL_SOURCE_SECRET, which no process list shows.",
)
@click.option("--url", help="Where the service runs; else this machine.")
def post(file: IO[bytes], slug: str, secret: str, url: str | None) -> None:
    """Post the article in FILE (JSON; `-` reads standard input), signed, and print the answer."""
    from service.cli.up import local_url

    answer = send(url or local_url(load()), slug, secret, file.read())
    click.echo(json.dumps({"status": answer.status, **answer.body}, ensure_ascii=False, indent=2))
    if answer.status not in (200, 202):
        raise SystemExit(1)


def send(base: str, slug: str, secret: str, body: bytes) -> Answer:
    """Sign by Standard Webhooks and post.

    Raises:
        Refusal: nobody answers there, or the secret is none.
    """
    request = urllib.request.Request(  # noqa: S310  an address that the operator typed
        f"{base.rstrip('/')}/v1/sources/{slug}/articles",
        data=body,
        headers={"content-type": "application/json", **_signature(secret, body)},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            return Answer(reply.status, _parsed(reply.read()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, _parsed(error.read()))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Refusal(f"nothing answers at {base} ({reason}); is `make run` running?") from error


def _signature(secret: str, body: bytes) -> dict[str, str]:
    message_id, now = f"msg_{secrets.token_hex(12)}", datetime.now(UTC)
    try:
        signature = Webhook(secret).sign(message_id, now, body.decode())
    except UnicodeDecodeError as error:
        raise Refusal("the article is not UTF-8") from error
    except (ValueError, RuntimeError) as error:
        raise Refusal("that is no secret; it looks like whsec_… and some 44 characters") from error
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {"detail": raw[:200].decode("utf-8", "replace")}
    return body if isinstance(body, dict) else {"detail": body}
