"""Each service's answers, as its documentation has them, and what each one means."""

from __future__ import annotations

import html
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from service.messages.chat import about
from service.messages.chat_preview import sample
from service.models import DeliveryState
from tests.integration.chat.doubles import discord as discords
from tests.integration.chat.doubles import matrix as homeservers
from tests.integration.chat.doubles import ntfy as topics
from tests.integration.chat.doubles import slack as slacks
from tests.integration.chat.doubles import telegram as bots
from tests.integration.chat.doubles.server import Answer
from workers.calls import Caller, Reply
from workers.chat.providers import provider_of
from workers.chat.providers.matrix import Matrix

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
UNKNOWN = DeliveryState.UNKNOWN
LINK = "https://www.example.bel.tr/haber/1"
TURKISH = about(
    replace(
        sample(), title="İzmir’de ışık <b> & ÇĞÖŞÜ", summary="ığüşöç İ 🎉", url=f"{LINK}/a_b_c"
    ),
    "tr",
)
HUGE = about(replace(sample(), summary="ığ🎉şİ&<* " * 12_500, title="Başlık", url=LINK), "tr")
MARKED = (bots.TelegramDouble, homeservers.MatrixDouble)
ALL = ("telegram", "discord", "slack", "ntfy", "matrix")
BOT = "123456789"
GARBAGE = Answer(200, b"<html>Sign in to this network</html>")


@pytest.fixture
def doubles(telegram, discord, slack, ntfy, matrix):
    return {
        "telegram": telegram,
        "discord": discord,
        "slack": slack,
        "ntfy": ntfy,
        "matrix": matrix,
    }


@pytest.fixture
def send(caller):
    def send(url, message=TURKISH, number="1-2"):
        return provider_of(url.partition("://")[0]).send(caller, url, message, number)

    return send


def seen(double) -> str:
    """What people read of the one message that a service shows, with the addresses of links."""
    (text,) = double.shown if isinstance(double.shown, list) else double.shown.values()
    text = re.sub(r'<a href="([^"]*)">', r"\1 ", text)
    text = re.sub(r"</?[a-z]+>", "", text) if isinstance(double, MARKED) else text
    text = html.unescape(text) if isinstance(double, (*MARKED, slacks.SlackDouble)) else text
    text = re.sub(r"\\(.)", r"\1", text) if isinstance(double, discords.DiscordDouble) else text
    return text.replace("\u2060", "")


@pytest.mark.parametrize("name", ALL)
def test_turkish_arrives_intact_and_is_known_by_a_number(doubles, send, name):
    double = doubles[name]

    receipt = send(double.url())

    assert (receipt.outcome.state, receipt.outcome.code) == (SENT, "200")
    assert receipt.message_id
    for part in (*["İzmir’de", "ışık", "<b>", "&", "ÇĞÖŞÜ"], "ığüşöç İ 🎉", f"{LINK}/a"):
        assert part in seen(double)


@pytest.mark.parametrize("name", ALL)
def test_what_is_far_too_long_is_cut_and_keeps_its_address(doubles, send, name):
    double = doubles[name]

    assert send(double.url(), HUGE).outcome.state == SENT

    text = seen(double)
    assert "Başlık" in text[:12]
    assert "…" in text
    assert LINK in text[-100:]
    assert 1_000 < len(text) < 5_000


IMAGES = {
    "telegram": lambda body: body["link_preview_options"].get("url"),
    "discord": lambda body: [one["image"]["url"] for one in body["embeds"]],
    "slack": lambda body: [one["image_url"] for one in body["attachments"]],
    "ntfy": lambda body: body.get("attach"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_named_where_the_service_shows_it(doubles, send, name):
    send(doubles[name].url())
    send(doubles[name].url(), about(replace(sample(), image_url=""), "tr"))

    shown, none = (IMAGES[name](asked.body) for asked in doubles[name].asked)
    assert shown in (sample().image_url, [sample().image_url])
    assert not none


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("status", [500, 502, 503, 408, 429])
def test_what_passes_is_deferred_for_as_long_as_the_service_asks(doubles, send, name, status):
    doubles[name].next = [Answer(status, b"<html>Bad gateway</html>", {"Retry-After": "7"})]

    outcome = send(doubles[name].url()).outcome

    assert (outcome.state, outcome.code, outcome.retry_after_s) == (DEFERRED, str(status), 7.0)


@pytest.mark.parametrize("name", ALL)
def test_an_answer_that_never_comes_is_unknown(doubles, send, name):
    double = doubles[name]
    double.next = [homeserver_joined(), None] if name == "matrix" else [None]

    receipt = send(double.url())

    assert (receipt.outcome.state, receipt.message_id) == (UNKNOWN, "")


def homeserver_joined():
    return Answer(200, {"room_id": homeservers.ROOM})


# Of Matrix see test_matrix_answers: what is in doubt is sent again there.
@pytest.mark.parametrize("name", [name for name in ALL if name != "matrix"])
def test_a_success_in_strange_words_is_no_success(doubles, send, name):
    double = doubles[name]
    double.next = [GARBAGE]

    assert send(double.url()).outcome.state == UNKNOWN


@pytest.mark.parametrize("name", ALL)
def test_a_service_that_is_down_is_deferred(send, caller, name, doubles, monkeypatch):
    double = doubles[name]
    url = double.url().replace(double.host, "127.0.0.1:9")
    for attribute in ("api", "hooks"):
        provider = type(provider_of(url.partition("://")[0]))
        if hasattr(provider, attribute):
            monkeypatch.setattr(provider, attribute, "http://127.0.0.1:9")

    outcome = send(url).outcome

    assert (outcome.state, outcome.code) == (DEFERRED, "connect")


@pytest.mark.parametrize(
    ("name", "answer", "state", "code", "wait_s"),
    [
        (
            "telegram",
            bots.refusal(429, "Too Many Requests: retry after 7", retry_after=7),
            DEFERRED,
            "429",
            7.0,
        ),
        ("telegram", bots.refusal(401, "Unauthorized"), REJECTED, "401", None),
        ("telegram", bots.refusal(404, "Not Found"), REJECTED, "404", None),
        ("telegram", bots.refusal(400, "Bad Request: chat not found"), REJECTED, "410", None),
        (
            "telegram",
            bots.refusal(403, "Forbidden: bot was kicked from the channel chat"),
            REJECTED,
            "403",
            None,
        ),
        ("telegram", bots.refusal(400, "Bad Request: message is too long"), REJECTED, "400", None),
        ("telegram", bots.refusal(500, "Internal Server Error"), DEFERRED, "500", None),
        (
            "telegram",
            Answer(200, {"ok": False, "error_code": 403, "description": "Forbidden"}),
            REJECTED,
            "403",
            None,
        ),
        ("telegram", Answer(200, {"ok": False}), REJECTED, "400", None),
        (
            "telegram",
            Answer(429, {"ok": False, "parameters": {"retry_after": True}}),
            DEFERRED,
            "429",
            None,
        ),
        ("discord", discords.slow_down(64.57), DEFERRED, "429", 64.57),
        ("discord", discords.slow_down(1.5, is_global=True), DEFERRED, "429", 1.5),
        ("discord", Answer(429, {"retry_after": 0.5}, {"Retry-After": "3"}), DEFERRED, "429", 3.0),
        (
            "discord",
            Answer(404, {"message": "Unknown Webhook", "code": 10015}),
            REJECTED,
            "404",
            None,
        ),
        (
            "discord",
            Answer(401, {"message": "Invalid Webhook Token", "code": 50027}),
            REJECTED,
            "401",
            None,
        ),
        (
            "discord",
            Answer(400, {"message": "Invalid Form Body", "code": 50035}),
            REJECTED,
            "400",
            None,
        ),
        (
            "discord",
            Answer(200, {"message": "Cannot send an empty message", "code": 50006}),
            REJECTED,
            "400",
            None,
        ),
        ("slack", slacks.refusal("ratelimited"), DEFERRED, "429", None),
        (
            "slack",
            Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}),
            DEFERRED,
            "429",
            30.0,
        ),
        ("slack", slacks.refusal("channel_not_found"), REJECTED, "404", None),
        ("slack", slacks.refusal("is_archived"), REJECTED, "410", None),
        ("slack", slacks.refusal("not_in_channel"), REJECTED, "403", None),
        ("slack", slacks.refusal("invalid_auth"), REJECTED, "401", None),
        ("slack", slacks.refusal("token_revoked"), REJECTED, "401", None),
        ("slack", slacks.refusal("internal_error"), DEFERRED, "503", None),
        ("slack", slacks.refusal("msg_too_long"), REJECTED, "400", None),
        ("ntfy", topics.refusal(403, 40301, "forbidden"), REJECTED, "403", None),
        ("ntfy", topics.refusal(401, 40101, "unauthorized"), REJECTED, "401", None),
        (
            "ntfy",
            topics.refusal(429, 42901, "limit reached: too many requests"),
            DEFERRED,
            "429",
            None,
        ),
        ("ntfy", topics.refusal(507, 50701, "server storage is full"), DEFERRED, "507", None),
        (
            "ntfy",
            Answer(200, {"code": 40301, "http": 403, "error": "forbidden"}),
            REJECTED,
            "403",
            None,
        ),
        ("matrix", homeservers.refusal(403, "M_FORBIDDEN"), REJECTED, "403", None),
        ("matrix", homeservers.refusal(404, "M_NOT_FOUND"), REJECTED, "404", None),
        ("matrix", homeservers.refusal(401, "M_UNKNOWN_TOKEN"), REJECTED, "401", None),
        (
            "matrix",
            homeservers.refusal(429, "M_LIMIT_EXCEEDED", retry_after_ms=2500),
            DEFERRED,
            "429",
            2.5,
        ),
    ],
)
def test_a_refusal_means_what_the_service_says_of_it(
    doubles, send, name, answer, state, code, wait_s
):
    doubles[name].next = [answer] * 2  # Matrix enters the room once more

    outcome = send(doubles[name].url()).outcome

    assert (outcome.state, outcome.code, outcome.retry_after_s) == (state, code, wait_s)
    assert outcome.detail
    assert "@ayse" not in outcome.detail


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        (Answer(200, b"ok"), SENT, "200"),
        (Answer(404, b"no_service"), REJECTED, "404"),
        (Answer(410, b"channel_is_archived"), REJECTED, "410"),
        (Answer(403, b"action_prohibited"), REJECTED, "403"),
        (Answer(400, b"invalid_payload"), REJECTED, "400"),
        (Answer(429, b"rate_limited", {"Retry-After": "1"}), DEFERRED, "429"),
        (Answer(200, b"no_text"), UNKNOWN, "200"),
        (Answer(200, b"is_archived"), REJECTED, "410"),
    ],
)
def test_a_slack_webhook_answers_in_words_and_names_no_message(slack, send, answer, state, code):
    slack.next = [answer]

    receipt = send(slack.hook_url())

    assert (receipt.outcome.state, receipt.outcome.code) == (state, code)
    assert receipt.message_id == ""


def test_slack_hides_no_link_behind_words_and_rings_nobody(slack, send):
    hostile = replace(sample(), title="<!channel> *a*", summary="<https://evil.example|bank>")
    send(slack.hook_url(), about(hostile, "tr"))

    (text,) = slack.hooked
    assert re.findall("<[^>]*>", text) == ["<https://city.example/news/1|Haberin tamamı>"]
    assert text.count("*") == 2, "the title is bold, and nothing else"


def test_discord_shows_marks_as_they_are_and_leaves_addresses_alone(discord, send):
    hostile = replace(sample(), title="*a* [b](c)", summary="# _d_ https://a.example/b%5Fc")
    send(discord.url("?thread=77"), about(hostile, "tr"))

    (text,) = discord.shown.values()
    assert text.startswith("**\\*a\\* \\[b\\](c)**\n\n\\# \\_d\\_ https://a.example/b%5Fc\n\n")
    assert list(discord.threads.values()) == ["77"]


def test_a_group_that_moved_is_written_to_where_it_is(telegram, send):
    telegram.moved[bots.CHAT] = -1009
    telegram.chats[-1009] = -1009

    assert send(telegram.url()).outcome.state == SENT

    assert [asked.body["chat_id"] for asked in telegram.asked] == [bots.CHAT, -1009]


def test_a_telegram_address_says_where_and_how(telegram, send):
    send(telegram.url("@izmir_haber", "?topic=7&silent=yes&preview=yes&image=no"))

    (asked,) = telegram.asked
    assert asked.body["chat_id"] == "@izmir_haber"
    assert asked.body["message_thread_id"] == 7
    assert asked.body["disable_notification"] is True
    assert asked.body["link_preview_options"] == {"is_disabled": False}


def test_an_ntfy_address_says_who_and_how(ntfy, send):
    ntfy.authorization = "Basic dTpwQA=="

    receipt = send(
        ntfy.url(query="?priority=high&tags=a,b&click=https://a.example", user="u:p%40@")
    )

    assert receipt.outcome.state == SENT
    (said,) = ntfy.said
    assert (said["priority"], said["tags"]) == (4, ["a", "b"])
    assert said["click"] == "https://a.example"
    ntfy.authorization = "Bearer tk_abc"
    assert send(ntfy.url(user="tk_abc@")).outcome.state == SENT
    assert send(ntfy.url(user="tk_other@")).outcome.code == "403"


def test_of_an_ntfy_server_without_sequences_no_message_is_known(ntfy, send):
    ntfy.knows_sequences = False

    receipt = send(ntfy.url())

    assert (receipt.outcome.state, receipt.message_id) == (SENT, "")


@pytest.mark.parametrize(
    ("room", "query", "asked"),
    [
        ("%23haber:home.example", "", homeservers.ALIAS),
        ("%23haber", "", homeservers.ALIAS),
        ("haber", "", homeservers.ALIAS),
        ("!haber:home.example", "", ""),
        ("!haber:home.example", "?hsreq=no", ""),
    ],
)
def test_a_matrix_room_may_be_written_in_all_the_ways_of_apprise(matrix, send, room, query, asked):
    assert send(matrix.url(room, query=query)).outcome.state == SENT

    joined = [one.path for one in matrix.asked if "/join/" in one.path]
    assert joined == ([f"/_matrix/client/v3/join/{asked}"] if asked else [])
    assert f"/rooms/{homeservers.ROOM}/send/" in matrix.asked[-1].path


def test_the_same_number_is_one_message_in_matrix(matrix, send):
    numbers = {send(matrix.url()).message_id for _ in range(3)}

    assert numbers == {f"{homeservers.ROOM} $event0"}
    assert len(matrix.shown) == 1


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (f"tgram://{BOT}:{'a' * 35}/-1001", f"tgram://{BOT}:{'b' * 35}/-1001", "/-1002"),
        ("ntfys://ayse:one@city.example/t", "ntfys://tk_two@city.example/t?auth=token", "else"),
        ("matrix://bot:one@city.example/%23a", "matrix://bot:two@city.example/%23a", "b"),
    ],
)
def test_a_place_is_the_same_by_another_key_and_none_other(one, same, other):
    place = provider_of(one.partition("://")[0]).place
    assert place(one) == place(same) != place(f"{one.rpartition('/')[0]}/{other.strip('/')}")


def test_of_many_messages_at_once_one_signs_in_for_all(matrix, caller):
    rooms, url = Matrix(), matrix.url(who="bot:pw")
    start = threading.Barrier(12)

    def say(number):
        start.wait()
        return rooms.send(caller, url, TURKISH, f"{number}-1").outcome.state

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(say, range(12))) == {SENT}
    assert (matrix.sign_ins, len(matrix.shown)) == (1, 12)


def test_a_token_that_another_sign_in_ends_is_no_refusal_of_the_account(matrix, caller):
    def sign_in(number):
        return Answer(200, {"access_token": f"t{number}", "user_id": "@bot:home.example"})

    ended = homeservers.refusal(401, "M_UNKNOWN_TOKEN")
    matrix.next = [sign_in(1), ended, sign_in(2), ended]
    outcome = Matrix().send(caller, matrix.url(who="bot:pw"), TURKISH, "1-1").outcome
    assert (outcome.state, outcome.code) == (DEFERRED, "401")


def test_a_name_and_a_password_sign_in_once_and_again_when_their_token_ended(matrix, caller):
    rooms = Matrix()
    url = matrix.url(who="bot:pw")
    for number in ("1-1", "2-1"):
        assert rooms.send(caller, url, TURKISH, number).outcome.state == SENT
    matrix.tokens.clear()

    assert rooms.send(caller, url, TURKISH, "3-1").outcome.state == SENT

    assert sum(one.path.endswith("/login") for one in matrix.asked) == 2
    wrong = rooms.send(caller, matrix.url(who="bot:no"), TURKISH, "4-1").outcome
    assert (wrong.state, wrong.code) == (REJECTED, "403")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (b'{"m.homeserver":{"base_url":"https://matrix.home.example/"}}', "matrix.home.example"),
        (b'{"m.homeserver":{"base_url":"http://10.0.0.1"}}', "home.example"),
        (b'{"m.homeserver":{"base_url":"https://a:b@evil.example"}}', "home.example"),
        (b'{"m.homeserver":[]}', "home.example"),
        (b"<html>", "home.example"),
    ],
)
def test_a_homeserver_is_looked_for_where_its_name_says(bare, said, asked):
    class Web(Caller):
        def call(self, method, url, **options):
            hosts.append(url.split("/")[2])
            return Reply(200, said) if ".well-known" in url else Reply(503)

    hosts: list[str] = []
    rooms, web = Matrix(), Web(bare, ())
    for _ in range(2):
        rooms.send(web, "matrixs://tok@home.example/!a:home.example", TURKISH, "1-1")

    assert hosts == ["home.example", asked, asked]


@pytest.mark.parametrize(
    "url",
    [
        "tgram://",
        "discord://1",
        "ntfy://",
        "slack://x",
        "matrix://",
        "tgram://123456789:AAEabcdefghijklmnopqrstuvwxyz012345/1/2/",
        "ntfy://127.0.0.1:9/a/b",
    ],
)
def test_an_address_of_no_target_or_of_several_is_rejected(send, url):
    outcome = send(url).outcome

    assert (outcome.state, outcome.code) == (REJECTED, "url")


@pytest.mark.parametrize("name", ALL)
def test_no_address_inside_the_network_is_asked(bare, doubles, name):
    url = doubles[name].url()

    outcome = provider_of(url.partition("://")[0]).send(Caller(bare, ()), url, TURKISH, "1-2")

    assert (outcome.outcome.state, outcome.outcome.code) == (REJECTED, "blocked")
    assert doubles[name].asked == []
