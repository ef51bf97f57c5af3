"""`/haber/<id>-<slug>`: an article with its topics, the words that set them, and what else to read.

The city's own page of the article is its canonical address; this one says why it reached people.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from service.archive.reading import Gone, look_up, read
from service.citizen.public import CACHE, public_page
from service.pages import language, page_url, runtime


def blueprint() -> Blueprint:
    """The page, under the one address that its number and title make."""
    part = Blueprint("article", __name__)

    @part.get("/haber/<int:article_id>-<slug>")
    def show(article_id: int, slug: str) -> ResponseReturnValue:
        return _page(article_id)

    @part.get("/haber/<int:article_id>")
    @part.get("/haber/<int:article_id>-")
    def find(article_id: int) -> ResponseReturnValue:
        return _page(article_id)

    return part


def _page(article_id: int) -> ResponseReturnValue:
    with runtime().db.read() as session:
        found = look_up(session, article_id)
        if found is None:
            abort(404)
        if isinstance(found, Gone):
            return _gone(found)
        own = page_url("article.show", article_id=article_id, slug=found.slug)
        if request.path != own:
            answer = redirect(own, 301)
            answer.headers["Cache-Control"] = CACHE  # a title may change back
            return answer
        page = read(session, found)
        address = found.revision.url or runtime().settings.public_url + own
        return public_page(
            render_template(
                "citizen/article.html",
                page=page,
                revision=found.revision,
                address=address,
                host=host_of(found.revision.url),
                picture_host=host_of(picture_of(found.revision.image)),
                shares=share_links(found.revision.title, address),
                back=_back_to_page(found.revision.language),
                wrong_topic_url=f"{own.partition('-')[0]}/wrong-topic",
            )
        )


def _gone(gone: Gone) -> Response:
    """Why it is gone, and nothing of what it said: not even its title."""
    response = public_page(render_template("citizen/article_gone.html", gone=gone), 410)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _back_to_page(story_language: str) -> Markup:
    """Inside the story, what is said in the page's own language."""
    own = language()
    return Markup("") if own == story_language else Markup(' lang="{}"').format(own)


def share_links(title: str, address: str) -> list[tuple[str, str]]:
    """Names and addresses that open a new message; nobody hears of it before it is opened."""

    def query(**values: str) -> str:
        return urlencode(values, quote_via=quote)

    return [
        (gettext("Email"), f"mailto:?{query(subject=title, body=address)}"),
        ("WhatsApp", f"https://wa.me/?{query(text=f'{title} {address}')}"),
        ("Telegram", f"https://t.me/share/url?{query(url=address, text=title)}"),
        ("X", f"https://x.com/intent/post?{query(text=title, url=address)}"),
    ]


def picture_of(image: dict[str, Any] | None) -> str:
    return str((image or {}).get("url", ""))


def host_of(url: str) -> str:
    """The site that an address leads to, as people know it; empty for no address."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
