"""Staff see why articles are one story, and part them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import (
    Article,
    MailboxMessage,
    Revision,
)
from tests.integration.stories.told import TEXT, stories
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")


def story(*words: str) -> Result:
    return CliRunner().invoke(cli, ("story", *words))


def test_an_article_that_may_not_be_told_is_not_told_by_parting_it(
    post, cms, town, pass_hour
) -> None:
    town.reader()
    post(1)
    second = post(2)
    cms.withdraw(id="2")
    pass_hour()

    story("split", str(second), "--staff", EDITOR)
    pass_hour()

    assert sum(town.mails().values()) == 1


@pytest.mark.parametrize("parted", ["first", "second"])
def test_staff_part_two_articles_for_good_and_those_who_were_spared_are_told(
    post, town, work, full_audit, parted: str
) -> None:
    town.reader()
    ids = {"first": post(1), "second": post(2)}
    assert len(town.all(MailboxMessage)) == 1

    result = story("split", str(ids[parted]), "--staff", EDITOR)
    work()

    assert "will be told" in result.output
    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2
    assert "split by staff" in story("list").stdout


def test_what_hung_together_by_a_parted_article_alone_is_parted_too(
    post, town, work, full_audit
) -> None:
    """The first and the third repeat the second, and not each other."""
    town.reader()
    words = [f"iklim{letter}{other}" for letter in "abcdefghij" for other in "abcdefghij"]
    for number, part in enumerate((words[:60], words[20:80], words[40:]), 1):
        post(number, "Üç haber: " + " ".join(part))
    assert stories(town) == 1

    story("split", str(town.all(Article)[1].id), "--staff", EDITOR)
    work()

    assert stories(town) == 3
    assert len(town.all(MailboxMessage)) == 3


def test_what_hangs_together_without_the_parted_article_stays_one_story(post, town) -> None:
    first, *_ = [post(number) for number in range(3)]

    story("split", str(first), "--staff", EDITOR)

    assert len({article.story_id for article in town.all(Article) if article.id != first}) == 1
    assert stories(town) == 2


def test_a_pair_that_was_parted_is_not_linked_again(send, post, town, work) -> None:
    post(1)
    second = send(2)
    work()
    assert stories(town) == 1
    story("split", str(second), "--staff", EDITOR)
    send(2, TEXT + " Düzeltildi.")
    work()

    article = town.get(Article, second)
    assert article.shown_revision_id == article.revision_id  # the newest is classified
    assert len(town.all(Revision)) == 3
    assert stories(town) == 2


def test_an_article_without_a_link_cannot_be_parted(post) -> None:
    result = story("split", str(post(1)), "--staff", EDITOR)

    assert result.exit_code == 2
    assert "is linked to no other" in result.output


def test_staff_see_which_article_repeats_which(post) -> None:
    first, second = post(1), post(2)

    assert story("list").stdout.startswith(f"{second} repeats {first}\t")
