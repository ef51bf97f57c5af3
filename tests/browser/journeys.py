"""The journeys of the citizens guide: which tests show each, and the table of what axe saw.

`make journeys` runs the browser tests and writes docs/journeys.md; a run of all of them fails
where the file is not what they saw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.browser.checks import Seen

FILE = Path(__file__).parents[2] / "docs" / "journeys.md"
ORDER = ("tr", "en")
SCHEMES = ("light", "dark")

# Journey, tests that walk through its states, tests of its way without JavaScript and by keyboard.
SIGN_UP = "test_subscribe.py::test_every_page_is_right_in_every_state"
MY_PAGE = "test_my_page.py::test_every_page_in_every_state"
MY_DATA = "test_my_data.py::test_every_page_in_every_look"
MY_FEED = "test_my_feed.py::test_every_page_in_every_state"
TARGETS = "test_targets.py::test_every_page_in_every_look"
ABROAD = "test_abroad.py::test_the_box_is_right_in_every_state"
NEWS = "test_archive.py::test_nothing_is_wrong_with_any_state"
EMPTY = "test_archive.py::test_nothing_is_wrong_with_an_empty_archive"
LOOK = "test_look.py::test_every_page_is_right_in_every_look"
STAFF_SIGN_IN = "test_staff_signin.py::test_every_page_is_right_in_every_state"
STAFF_WAYS = "test_staff_ways.py::test_every_page_in_every_state"
CHANNEL_ROOM = "test_staff_channels.py::test_every_page_of_a_room"
CHANNEL_HOOK = "test_staff_channels.py::test_every_page_of_a_webhook"
REVIEW = "test_staff_review.py::test_every_page_in_every_state"
OTHERS = "test_accessibility.py::test_every_page_is_right_in_every_state"
STAFF_TEXTS = "test_staff_texts.py::test_letters_and_notices_are_right_in_every_state"
STAFF_OFFICE = "test_staff_texts.py::test_brand_jobs_and_log_are_right_in_every_state"
STAFF_TEXTS_WAY = (
    "test_staff_texts.py::test_a_template_is_changed_and_taken_back_without_javascript"
)
NUMBERS = "test_staff_numbers.py::test_every_page_is_right_empty_and_full"
STAFF_PEOPLE = "test_staff_people.py::test_every_page_in_every_state"
CALM_DAY = "test_staff_now.py::test_every_page_on_a_calm_day"
BAD_DAY = "test_staff_now.py::test_every_page_on_a_bad_day"
ARTICLES = "test_staff_article.py::test_every_page_of_articles"
WHOLE_WAY = "test_journey.py::test_signing_up_and_leaving_without_javascript"
MY_WAY = "test_my_page.py::test_the_whole_way_without_javascript"
SIGN_UP_KEYS = "test_subscribe.py::test_a_keyboard_alone_leads_through_the_sign_up"
MY_KEYS = "test_my_page.py::test_a_break_by_keyboard_alone"
BACK = "test_subscribe.py::test_a_change_without_javascript_comes_back_to_the_answers"
DATA_WAY = "test_my_data.py::test_the_way_without_javascript"
CHAT_WAY = "test_targets.py::test_adding_and_stopping_without_javascript"
NEWS_WAY = "test_archive.py::test_from_the_front_page_to_an_article_without_javascript"
SKIP = "test_journey.py::test_the_keyboard_finds_the_way_past_the_menu"
FOCUS = "test_look.py::test_what_has_the_focus_is_seen"

JOURNEYS: dict[str, tuple[str, ...]] = {
    "Topics, front page": (EMPTY, NEWS, LOOK, NEWS_WAY),
    "Subscribe: topics, districts, frequency, way, address, check": (
        SIGN_UP,
        ABROAD,
        WHOLE_WAY,
        BACK,
        SIGN_UP_KEYS,
        SKIP,
    ),
    "Check your email, confirm": (SIGN_UP, OTHERS, WHOLE_WAY),
    "Feeds with a QR code": (
        SIGN_UP,
        "test_subscribe.py::test_the_feed_code_is_dark_on_light_in_a_dark_room_too",
    ),
    "A private feed, and several feeds": (
        MY_FEED,
        "test_my_feed.py::test_a_feed_of_ones_own_without_javascript",
    ),
    "Sign in": (MY_PAGE, MY_WAY, MY_KEYS),
    "Manage: frequency, districts, end, language": (MY_PAGE, MY_WAY),
    "Change of address": (MY_PAGE, MY_WAY),
    "Break": (MY_PAGE, MY_WAY, MY_KEYS),
    "Quiet hours": (MY_PAGE,),
    "Unsubscribe and undo": (MY_PAGE, OTHERS, WHOLE_WAY),
    "What I was sent, and “wrong topic?”": (MY_DATA, DATA_WAY),
    "Export and erase": (
        MY_DATA,
        DATA_WAY,
        "test_my_data.py::test_the_page_that_is_downloaded_reads_well_without_a_network",
    ),
    "Personal chats": (TARGETS, CHAT_WAY),
    "Archive, search, article, withdrawn article": (EMPTY, NEWS, NEWS_WAY),
    "Sign-up on another site": (SIGN_UP,),
    "Display, accessibility, privacy, not found": (
        LOOK,
        "test_look.py::test_a_choice_goes_before_the_device_and_lasts",
        "test_look.py::test_larger_text_fits_a_narrow_screen",
        FOCUS,
    ),
    "Pages of staff and developers": (OTHERS,),
    "Staff: first password, second factor, keys, accounts": (STAFF_SIGN_IN,),
    "Staff: letters, notices, brand, jobs, log of acts": (
        STAFF_TEXTS,
        STAFF_OFFICE,
        STAFF_TEXTS_WAY,
    ),
    "Staff: statistics": (
        NUMBERS,
        "test_staff_numbers.py::test_from_a_picture_to_its_table_and_its_file",
    ),
    "Staff: subscribers, imports, suppressions, bounces": (STAFF_PEOPLE,),
    "Staff: sources and channels": (STAFF_WAYS,),
    "Staff: a channel from its first to its last page, webhooks": (
        CHANNEL_ROOM,
        CHANNEL_HOOK,
        "test_staff_channels.py::test_a_webhook_is_set_up_without_javascript",
    ),
    "Staff: review, topics, districts, models": (
        REVIEW,
        "test_staff_review.py::test_the_whole_queue_by_keyboard_alone",
        "test_staff_review.py::test_each_answer_has_a_key_of_its_own",
    ),
    "Staff: today, deliveries, pauses, given up, alarms, mail domains": (CALM_DAY, BAD_DAY),
    "Staff: articles, who would be told, hold, release, withdraw, resend": (
        ARTICLES,
        "test_staff_article.py::test_holding_looking_and_releasing_without_javascript",
    ),
    "Letters": (
        "test_letters.py::test_axe_finds_nothing_in_a_letter",
        "test_letters.py::test_a_letter_does_not_scroll_sideways_at_320_pixels",
    ),
}
WALKS = (
    *(SIGN_UP, ABROAD, MY_PAGE, MY_DATA, MY_FEED, TARGETS, EMPTY, NEWS, LOOK, OTHERS),
    STAFF_SIGN_IN,
    STAFF_TEXTS,
    STAFF_OFFICE,
    NUMBERS,
    STAFF_PEOPLE,
    STAFF_WAYS,
    CHANNEL_ROOM,
    CHANNEL_HOOK,
    REVIEW,
    CALM_DAY,
    BAD_DAY,
    ARTICLES,
)


def document(seen: Iterable[Seen]) -> str:
    """The text of docs/journeys.md after a run in which axe saw these."""
    rows = [one for one in seen if any(one.test.endswith(walk) for walk in WALKS)]
    states = {(one.test, one.state) for one in rows}
    looks = Counter((one.look.language, one.look.scheme) for one in rows)
    bad = Counter((one.look.language, one.look.scheme) for one in rows if one.violations)
    lines = [
        "# Journeys",
        "",
        "What a citizen can do, and the tests in `tests/browser` that show it in a real Chromium.",
        "`make journeys` writes this page; a run of all browser tests fails where it is not true.",
        "",
        "A test that walks through states sees each of them in Turkish and English, in light and",
        "dark, at 320 and 1280 pixels: axe, valid HTML, no scrolling sideways, targets of 24",
        "pixels, at most 60 KB and 10 requests, and a picture in `var/test-artefacts`. Tests named",
        "“without JavaScript” and “keyboard” walk in both languages unless their names say",
        "otherwise.",
        "",
        "| journey | tests |",
        "|---|---|",
    ]
    for journey, tests in JOURNEYS.items():
        names = "<br>".join(f"`{test.replace('::', '` `')}`" for test in tests)
        lines.append(f"| {journey} | {names} |")
    lines += [
        "",
        "## What axe saw",
        "",
        f"{len(states)} states of pages; states with a violation / states seen:",
        "",
        "| language | light | dark |",
        "|---|---|---|",
    ]
    for language in ORDER:
        cells = [f"{bad[language, scheme]} / {looks[language, scheme]}" for scheme in SCHEMES]
        lines.append(f"| {language} | {' | '.join(cells)} |")
    lines += ["", "| walk | states |", "|---|---|"]
    for walk in WALKS:
        names = sorted({state for test, state in states if test.endswith(walk)})
        lines.append(f"| `{walk.replace('::', '` `')}` | {len(names)}: {', '.join(names)} |")
    return "\n".join(lines) + "\n"
