"""What a template of somebody else's may ask for."""

from __future__ import annotations

import pytest
from jinja2.exceptions import SecurityError

from service.messages.sandbox import Sandbox


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 100000000 }}",
        "{{ 100000000 * 'x' }}",
        "{{ [1] * 100000000 }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 10 ** 100000 }}",
    ],
)
def test_what_would_take_minutes_is_an_error(text):
    with pytest.raises(SecurityError):
        Sandbox().from_string(text).render()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{{ '=' * 3 }}", "==="),
        ("{{ 6 * 7 }}", "42"),
        ("{{ 2 ** 10 }}", "1024"),
        ("{{ 2.5 * 2 }}", "5.0"),
    ],
)
def test_what_is_small_is_worked_out(text, written):
    assert Sandbox().from_string(text).render() == written
