"""What leads to the feeds: the list of all of them (OPML), and the description of the search."""

from __future__ import annotations

from urllib.parse import quote

from apiflask import APIBlueprint
from flask import Response
from lxml import etree

from service.archive.xml_text import clean
from service.db import utcnow
from service.feeds import opml
from service.feeds.answering import HOUR_OLD, conditional, hashed
from service.feeds.feed import Publisher
from service.feeds.formats import RELEASE, WRITERS
from service.feeds.routes import serving
from service.models.listing import ANY
from service.pages import runtime

NAMESPACE = "http://a9.com/-/spec/opensearch/1.1/"
DESCRIPTION_TYPE = "application/opensearchdescription+xml"
MAX_SHORT_NAME, MAX_LONG_NAME = 16, 48  # characters (OpenSearch 1.1)
SEARCH = {"tr": "Haberlerde ara", "en": "Search the news"}
EXAMPLE = {"tr": "ulaşım", "en": "transport"}


def blueprint() -> APIBlueprint:
    """Two documents that are the same for everybody."""
    part = APIBlueprint("discovery", __name__, enable_openapi=False)
    started = utcnow()

    @part.get("/feeds/topics.opml")
    def topics() -> Response:
        publisher, state = serving().publisher, serving().clock.state()
        etag = hashed(RELEASE, state.names, publisher)
        body = lambda: opml.all_feeds(publisher, state)  # noqa: E731
        changed = state.last_change([(ANY, ANY)]).modified()  # names alone have no time
        return _open(conditional(opml.MEDIA_TYPE, etag, body, HOUR_OLD, changed))

    @part.get("/opensearch.xml")
    def search() -> Response:
        data = _description(serving().publisher, runtime().settings.brand.short_name)
        # It changes with the settings alone, and those with a new process.
        return _open(conditional(DESCRIPTION_TYPE, hashed(data), lambda: data, HOUR_OLD, started))

    return part


def _open(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _description(publisher: Publisher, short_name: str) -> bytes:
    """How a browser or a reader searches the news (OpenSearch 1.1, draft 6)."""
    spoken, base = publisher.language, publisher.base_url
    said = clean(f"{publisher.city}: {SEARCH.get(spoken, SEARCH['en'])}")
    root = etree.Element(f"{{{NAMESPACE}}}OpenSearchDescription", nsmap={None: NAMESPACE})
    for name, text in (
        ("ShortName", clean(short_name)[:MAX_SHORT_NAME].strip()),
        ("Description", said),
        ("LongName", said[:MAX_LONG_NAME].strip()),
        ("Language", spoken),
        ("InputEncoding", "UTF-8"),
        ("OutputEncoding", "UTF-8"),
    ):
        etree.SubElement(root, f"{{{NAMESPACE}}}{name}").text = text
    urls = [("text/html", "results", f"{base}/haberler?q={{searchTerms}}")]
    urls += [
        (writer.MEDIA_TYPE, "results", f"{base}/feeds/search.{suffix}?q={{searchTerms}}")
        for suffix, writer in WRITERS.items()
    ]
    urls.append((DESCRIPTION_TYPE, "self", f"{base}/opensearch.xml"))
    for media_type, rel, template in urls:
        etree.SubElement(root, f"{{{NAMESPACE}}}Url", type=media_type, rel=rel, template=template)
    example = EXAMPLE.get(spoken, EXAMPLE["en"])
    etree.SubElement(root, f"{{{NAMESPACE}}}Query", role="example", searchTerms=quote(example))
    xml: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml
