"""The door's answers: each status of the ingest guide's table, and what it leaves behind."""

from __future__ import annotations

import json
import time
from datetime import timedelta

from apiflask import APIFlask
from pydantic import SecretStr
from sqlalchemy import text, update
from standardwebhooks import Webhook

from service.app import create_app
from service.db import utcnow
from service.models import Article, InboxEvent, Revision, Source, Verdict
from service.settings import Settings


def test_a_signed_article_is_stored_and_answered_202(cms, town):
    answer = cms.post()

    assert answer.status_code == 202
    assert answer.json["status"] == "accepted"
    assert town.get(Article, answer.json["article_id"]).external_id == "58150"
    assert town.get(Revision, answer.json["revision"]).title == cms.article()["title"]
    assert town.count(InboxEvent) == len(town.news()) == 1


def test_what_the_reference_library_signs_is_accepted(cms):
    body = json.dumps(cms.article(), ensure_ascii=False)
    now = utcnow()
    signature = Webhook(cms.secret).sign("msg_ref", now, body)

    answer = cms.client.post(
        cms.path,
        data=body.encode(),
        content_type="application/json",
        headers={
            "webhook-id": "msg_ref",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        },
    )

    assert answer.status_code == 202


def test_a_known_delivery_with_the_same_body_answers_200_and_does_nothing_again(cms, town):
    first = cms.post("msg_same")
    second = cms.post("msg_same")

    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json == first.json
    assert town.count(InboxEvent) == town.count(Article) == town.count(Revision) == 1


def test_a_known_delivery_with_another_body_answers_409_and_changes_nothing(cms, town):
    cms.post("msg_same")

    answer = cms.post("msg_same", title="Başka bir başlık")

    assert answer.status_code == 409
    assert answer.mimetype == "application/problem+json"
    assert [row.title for row in town.all(Revision)] == [cms.article()["title"]]
    assert town.count(InboxEvent) == 1


def test_the_same_delivery_id_of_two_sources_is_two_deliveries(cms, town, add_source):
    other = type(cms)(cms.client, "konak", add_source("konak"))

    assert cms.post("msg_same").status_code == 202
    assert other.post("msg_same").status_code == 202
    assert town.count(Article) == 2


NOT_JSON = {
    "cp1254": '{"title":"İzmir"}'.encode("cp1254"),
    "empty": b"",
    "cut": b"{",
    "null": b"null",
    "list": b"[]",
    "deep, unclosed": b"[" * 100_000,
    "deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "too deep": b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
    "not a number": b'{"id": NaN}',
    "infinity": b'{"id": -Infinity}',
    "huge number": b'{"id": ' + b"9" * 5000 + b"}",
    "NUL escaped": b'{"id": "1\\u0000"}',
    "NUL raw": b'{"id": "1\x00"}',
    "half a character": b'{"title": "\\ud83d"}',
    "byte order mark": b"\xef\xbb\xbf{}",
}


def test_what_is_not_json_answers_400_and_stores_nothing(cms, town, subtests):
    for name, body in NOT_JSON.items():
        with subtests.test(name):
            answer = cms.post_raw(body)

            assert answer.status_code == 400
            assert answer.mimetype == "application/problem+json"
            assert answer.json["detail"]
    assert town.is_empty()


GARBAGE = [
    {"webhook-signature": "v1,AAAA"},
    {"webhook-signature": ""},
    {"webhook-signature": "garbage"},
    {"webhook-signature": "v1,ü\x80"},
    {"webhook-signature": "v1a," + "A" * 86},
    {"webhook-signature": "v1," * 5000},
    {"webhook-timestamp": "0"},
    {"webhook-timestamp": "-1"},
    {"webhook-timestamp": "1e9"},
    {"webhook-timestamp": "9" * 400},
    {"webhook-timestamp": "²"},
    {"webhook-timestamp": "nan"},
    {"webhook-timestamp": ""},
    {"webhook-id": ""},
    {"webhook-id": "x" * 256},
    {"webhook-id": "\x01"},
]


def test_any_garbage_in_the_signature_answers_the_same_401_and_stores_nothing(cms, town, subtests):
    body = json.dumps(cms.article()).encode()
    unsigned = cms.client.post(cms.path, data=body, content_type="application/json")
    assert unsigned.status_code == 401
    for headers in GARBAGE:
        with subtests.test(str(headers)[:60]):
            answer = cms.post_raw(body, **headers)

            assert answer.status_code == 401
            assert answer.json == unsigned.json
    assert town.is_empty()


def test_one_changed_byte_answers_401(cms, town):
    body = json.dumps(cms.article()).encode()
    headers = cms.headers(body)

    answer = cms.client.post(
        cms.path, data=body + b" ", headers=headers, content_type="application/json"
    )

    assert answer.status_code == 401
    assert town.is_empty()


def test_six_minutes_of_skew_answer_401(cms, town):
    body = json.dumps(cms.article()).encode()

    early = cms.post_raw(body, at=utcnow() + timedelta(minutes=6))
    late = cms.post_raw(body, at=utcnow() - timedelta(minutes=6))

    assert (early.status_code, late.status_code) == (401, 401)
    assert town.is_empty()


def test_an_unknown_source_answers_404(cms, town, subtests):
    body = json.dumps(cms.article()).encode()
    for slug in ("nowhere", "izmir%00", "İzmir", "%FF%FE", "x" * 3000, "'--"):
        with subtests.test(slug[:20]):
            answer = cms.client.post(
                f"/v1/sources/{slug}/articles",
                data=body,
                headers=cms.headers(body),
                content_type="application/json",
            )

            assert answer.status_code == 404
            assert answer.mimetype == "application/problem+json"
    assert town.is_empty()


def test_over_one_mebibyte_answers_413_and_stores_nothing(cms, town):
    at_limit = json.dumps(cms.article()).encode().ljust(1024 * 1024)

    assert cms.post_raw(at_limit + b" ").status_code == 413
    assert town.is_empty()
    assert cms.post_raw(at_limit).status_code == 202


NO_JSON_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "application/jsonp",
)
JSON_TYPES = ("application/json; charset=utf-8", "APPLICATION/JSON", "application/cloudevents+json")


def test_only_json_types_are_taken(cms, town):
    body = json.dumps(cms.article()).encode()

    refused = {kind: cms.post_raw(body, content_type=kind).status_code for kind in NO_JSON_TYPES}
    assert refused == dict.fromkeys(NO_JSON_TYPES, 415)
    assert town.is_empty()

    taken = {kind: cms.post_raw(body, content_type=kind).status_code for kind in JSON_TYPES}
    assert taken == dict.fromkeys(JSON_TYPES, 202)


WRONG_FIELDS = [
    ({"id": None}, "id"),
    ({"id": ""}, "id"),
    ({"id": "a b"}, "id"),
    ({"id": "x" * 201}, "id"),
    ({"id": 7}, "id"),
    ({"state": "deleted"}, "state"),
    ({"state": None}, "state"),
    ({"title": None}, "title"),
    ({"title": "\u200b \u2060"}, "title"),
    ({"title": "x" * 301}, "title"),
    ({"url": None}, "url"),
    ({"url": "javascript:alert(1)"}, "url"),
    ({"url": "https://a\x01b.tr/"}, "url"),
    ({"url": "https://ş..tr/"}, "url"),
    ({"url": "https://izmir.bel.tr@evil.example/"}, "url"),
    ({"url": "https://example.org:99999/"}, "url"),
    ({"url": "https://example.org/" + "x" * 2000}, "url"),
    ({"summary": "x" * 1001}, "summary"),
    ({"body_html": "x" * 200_001}, "body_html"),
    ({"body_html": "".join(f"<b title={i}><p>" for i in range(5000))}, "body_html"),
    ({"tags": ["x"] * 51}, "tags"),
    ({"published_at": "yesterday"}, "published_at"),
    ({"published_at": "0001-01-01T00:00:00+03:00"}, "published_at"),
    ({"updated_at": "9999-12-31T23:59:59-12:00"}, "updated_at"),
    ({"language": "tr-Latn-TR-x-izmirce"}, "language"),
    ({"url": "http://www.example.bel.tr/haber/58150"}, "url"),
    ({"spec": "tellal.article/2"}, "spec"),
]


def test_each_wrong_field_is_named_by_422_and_nothing_is_stored(cms, town, subtests):
    for fields, named in WRONG_FIELDS:
        with subtests.test(str(fields)[:60]):
            answer = cms.post(**fields)

            assert answer.status_code == 422
            assert named in [error["field"].partition(".")[0] for error in answer.json["errors"]]
    assert town.is_empty()


def test_an_address_on_a_foreign_host_answers_422_where_the_source_lists_hosts(cms, town):
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(hosts=["www.example.bel.tr"]))

    answer = cms.post(url="https://evil.example/haber/58150")

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["url"]
    assert town.is_empty()
    assert cms.post(url="https://WWW.example.bel.tr/haber/1").status_code == 202


def test_a_refused_article_may_come_again_mended_under_the_same_delivery_id(cms):
    assert cms.post("msg_same", title=None).status_code == 422
    assert cms.post("msg_same").status_code == 202


def _allow(town, rate):
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(rate_per_minute=rate))


def test_over_its_rate_a_source_is_answered_429_with_a_time_to_wait(cms, app, town):
    runtime = app.extensions["tellal"]
    _allow(town, 3)
    answers = [cms.post(f"msg_{n}").status_code for n in range(3)]

    refused = cms.post("msg_too_many")

    assert answers == [202, 202, 202]
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert town.count(InboxEvent) == 3
    assert runtime.limits.allow("3/minute", "source:konak")


def test_unsigned_requests_never_use_up_what_the_cms_may_send(cms, town):
    _allow(town, 3)
    for _ in range(5):
        cms.client.post(cms.path, data=b"{}", content_type="application/json")

    assert cms.post().status_code == 202


def test_a_paused_source_is_answered_202_and_only_remembered(cms, town):
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(is_paused=True))

    answer = cms.post()

    assert answer.status_code == 202
    assert answer.json["status"] == "ignored"
    assert town.count(Article) == 0
    (event,) = town.all(InboxEvent)
    assert event.verdict == Verdict.IGNORED
    assert town.runtime.vault.decrypt(event.sealed_body)


def test_the_raw_body_is_stored_sealed(cms, town):
    cms.post(id="gizli-1")

    (event,) = town.all(InboxEvent)

    assert "gizli-1" not in event.sealed_body
    assert json.loads(town.runtime.vault.decrypt(event.sealed_body))["id"] == "gizli-1"


def test_the_door_never_redirects_and_never_answers_410(cms):
    for path in (cms.path + "/", "/v1/sources//articles", "/v1/sources/izmir/../x/articles"):
        assert cms.client.post(path, data=b"{}").status_code in (401, 404, 405, 415)
    answer = cms.client.get(cms.path)
    assert answer.status_code == 405
    assert answer.mimetype == "application/problem+json"


def test_a_database_that_is_away_answers_503_with_a_time_to_wait(settings: Settings, cms):
    away = settings.model_copy(
        update={
            "database_url": SecretStr(
                "sqlite:////nowhere/at/all.db"
                if settings.sqlalchemy_url.startswith("sqlite")
                else "postgresql://127.0.0.1:1/nothing"
            )
        }
    )
    app = create_app(away)
    app.testing = True
    try:
        answer = cms.post(client=app.test_client())
        ready = app.test_client().get("/health/ready")
    finally:
        app.extensions["tellal"].close()

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert ready.status_code == 503


def test_redis_away_is_answered_202_at_once_and_keeps_the_article(settings: Settings, cms, town):
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    app = create_app(away)
    app.testing = True
    start = time.monotonic()
    try:
        answers = [cms.post(id=str(n), client=app.test_client()).status_code for n in range(5)]
    finally:
        app.extensions["tellal"].close()

    assert answers == [202] * 5
    assert time.monotonic() - start < 3
    assert town.count(Revision) == 5


def test_the_status_address_tells_the_way_of_an_article_to_whoever_has_its_token(cms):
    url = cms.post().json["status_url"]
    path = url.partition("/v1/")[2]

    answer = cms.client.get("/v1/" + path)

    assert answer.status_code == 200
    assert answer.json["state"] == "published"
    assert answer.json["notification"]["state"] == "held"
    assert answer.json["deliveries"]["planned"] == 0
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_forged_status_address_answers_404(cms, subtests):
    token = cms.post().json["status_url"].rpartition("/")[2]
    other = "a" if token[0] != "a" else "b"
    for forged in (
        *(token[:-1], other + token[1:], token + "aaaaaaaa", "", "1", "%00", "ı" * 20),
        *("../" + token, token.replace("i", "ı") + "=", token + "%00", token + "/"),
    ):
        with subtests.test(forged):
            assert cms.client.get(f"/v1/status/{forged}").status_code == 404


def test_a_token_of_another_purpose_opens_no_status(cms, town):
    article_id = cms.post().json["article_id"]
    foreign = town.runtime.vault.token("unsubscribe", article_id)

    assert cms.client.get(f"/v1/status/{foreign}").status_code == 404


def test_ready_says_503_while_migrations_are_missing(app: APIFlask, runtime):
    client = app.test_client()
    assert client.get("/health/ready").status_code == 200
    with runtime.db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0040'"))

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert "migrations" in answer.json["reason"]
    assert client.get("/health/live").status_code == 200


def test_another_method_is_told_which_ones_there_are(cms):
    answer = cms.client.get(cms.path)

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.mimetype == "application/problem+json"
