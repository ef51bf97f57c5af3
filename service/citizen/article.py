"""`/haber/<id>-<slug>`: an article with its topics, the words that set them, and what else to read.

The city's own page of the article is its canonical address; this one says why it reached people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlencode, urlsplit

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from markupsafe import Markup

from service.archive.address import city_address
from service.archive.items import shortened
from service.archive.reading import Found, Gone, Reading, look_up, read
from service.archive.why import Reason
from service.citizen.canonical import Canonical, own
from service.citizen.card import Card, locale_of, picture_address
from service.citizen.feed_addresses import feed_of
from service.citizen.public import CACHE, public_page
from service.models import Topic
from service.pages import language, page_url, runtime

MAX_DESCRIBED = 2000  # characters of a text that its description is made of


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
        path = page_url("article.show", article_id=article_id, slug=found.slug)
        if request.path != path:
            answer = redirect(path, 301)
            answer.headers["Cache-Control"] = CACHE  # a title may change back
            return answer
        return public_page(_written(read(session, found), found, path))


def _written(page: Reading, found: Found, path: str) -> str:
    title, city = found.revision.title, city_address(found.revision.url)
    canonical = Canonical(city) if city else own(path)
    site, address = runtime().settings.public_url, canonical.url
    card = _card(page, canonical)
    return render_template(
        "citizen/article.html",
        page=page,
        revision=found.revision,
        canonical=canonical,
        card=card,
        site=site,
        address=address,
        trail=[(name, site + url) for name, url in _trail(page, path)],
        host=host_of(city),
        picture_host=host_of(card.image),
        shares=share_links(title, address),
        page_feeds=[feed_of([one.about]) for one in page.topics if isinstance(one.about, Topic)],
        back=_back_to_page(found.revision.language),
        wrong_topic_url=f"{path.partition('-')[0]}/wrong-topic",
    )


def _card(page: Reading, canonical: Canonical) -> Card:
    revision, image = page.revision, page.revision.image
    topics = _names(page.topics)
    return Card(
        kind="article",
        title=revision.title,
        description=shortened(revision.summary or revision.body_text[:MAX_DESCRIBED]),
        url=canonical.url,
        locale=locale_of(revision.language),
        locales=_other_locales(revision.language) if canonical.alternates else (),
        image=picture_address(image),
        image_alt=str((image or {}).get("alt") or ""),
        published_at=page.at,
        modified_at=page.modified_at,
        section=next(iter(topics), ""),
        tags=(*topics, *_names(page.places)),
    )


def _other_locales(story_language: str) -> tuple[str, ...]:
    """Of the languages that a page of ours speaks around the story."""
    found = map(locale_of, runtime().settings.brand.languages)
    return tuple(one for one in found if one != locale_of(story_language))


def _names(reasons: Iterable[Reason]) -> list[str]:
    found = (reason.about for reason in reasons)
    return [one.name(language()) if isinstance(one, Topic) else one.name for one in found]


def _trail(page: Reading, path: str) -> Iterator[tuple[str, str]]:
    """The way to this page, for people who come from a search: names and paths."""
    yield gettext("News"), page_url("archive.show")
    for name, reason in zip(_names(page.topics[:1]), page.topics, strict=False):
        yield name, page_url("archive.show", topic=reason.about.slug)
    yield page.revision.title, path


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


def host_of(url: str) -> str:
    """The site that an address leads to, as people know it; empty for no address."""
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""
