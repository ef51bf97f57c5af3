"""An article that a broken or stolen CMS sends does nothing to whoever reads of it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import Any

from sqlalchemy import update

from service.models import Frequency, MailboxMessage, Subscription
from service.runtime import Runtime
from tests.integration.citizen.entering import enter

EVIL = "\"><script>x=1</script><img src=x onerror=alert(1)>{{7*7}}'%s\u202e\u200b"
HEADER = "İklim\r\nBcc: victim@example.com\r\n\r\nx"


class Reader(HTMLParser):
    """Finds what would run, or lead to what runs."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        for name, value in attrs:
            scheme = (value or "").strip().partition(":")[0].lower()
            if name.startswith("on") or scheme in ("javascript", "vbscript"):
                self.found.append(f"{tag} {name}")


def running(page: str) -> list[str]:
    reader = Reader()
    reader.feed(page)
    return reader.found


def test_no_story_runs_or_smuggles_anything(
    cms: Any, client: Any, town: Any, runtime: Runtime, work: Any, clock: Any
) -> None:
    reader = town.reader("iklim-cevre", address="ayse@example.com")
    daily = town.reader("iklim-cevre", address="bora@example.com")
    with runtime.db.write() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.destination_id == daily)
            .values(frequency=Frequency.DAILY)
        )
    for number, title in enumerate((f"İklim {EVIL}", HEADER)):
        answer = cms.post(
            id=f"evil-{number}",
            title=title,
            url=f"https://www.example.bel.tr/haber/{number}",
            summary=f"Sera gazı {EVIL}",
            body_html=f"<p onclick=x>Karbon salımı, sera gazı {EVIL}</p>"
            "<a href='java&#10;script:x'>a</a><svg onload=alert(1)><iframe src=javascript:x>",
            image={"url": "https://www.example.bel.tr/x.jpg", "alt": EVIL},
        )
        assert answer.status_code == 202, answer.text
    for url in ("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//x", "/x"):
        assert cms.post(id="bad", url=url).status_code == 422
        image = {"url": url, "alt": ""}
        assert cms.post(id="bad", image=image).status_code in (202, 422)
    work()
    clock.advance(minutes=20)
    work()
    clock.advance(days=2)
    work()

    enter(client, runtime, reader)
    article = client.get("/haberler").text
    assert "Sera gaz" in article or "klim" in article
    for path in ("/", "/haberler", "/haberler?q=iklim", "/my/history", "/my/data.html"):
        assert running(client.get(path).text) == [], path
    for number in (1, 2):
        page = client.get(f"/haber/{number}", follow_redirects=True)
        assert page.status_code == 200
        assert running(page.text) == []
        assert "{{7*7}}" in page.text or number == 2
    assert client.get("/my/data.json").json["deliveries"]

    mails = [message_from_bytes(one.raw, policy=default) for one in town.all(MailboxMessage)]
    assert {str(mail["to"]) for mail in mails} == {"ayse@example.com", "bora@example.com"}
    for mail in mails:
        assert isinstance(mail, EmailMessage)
        assert mail["bcc"] is None
        html = mail.get_body(preferencelist=("html",))
        assert html is not None
        assert running(html.get_content()) == []
