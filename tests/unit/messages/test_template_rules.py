"""What a published template may hold: all that the program's own hold, and no endless work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.messages.publishing import difference
from service.messages.stationery import TEMPLATES
from service.messages.template_rules import refused


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_the_programs_own_templates_may_all_be_published(path):
    assert list(refused(path.name, path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in b %}{% for c in d %}x{% endfor %}{% endfor %}",
        "{% for a in b recursive %}{{ loop(a) }}{% endfor %}",
        "{% macro m() %}{% for a in b %}x{% endfor %}{% endmacro %}",
        "{% macro m() %}{{ n() }}{% endmacro %}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{{ m(m(a)) }}",
        "{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{{ m(x=m(a)) }}",
        "{% set a = title %}{% set a = [a, a] %}{{ a }}",
        "{% set a %}{{ title }}{% endset %}{% set a %}{{ a }}{{ a }}{% endset %}",
        "{% with a = title %}{{ a }}{% endwith %}",
        "{{ 'a' * 99 }}",
        "{{ 'a' ~ 'b' }}",
        "{{ '%99d' % 1 }}",
        "{{ 2 ** 99 }}",
        "{{ range(201) }}",
        "{{ range(n) }}",
        "{{ title.replace('a', 'b') }}",
        "{{ title.format(1) }}",
        "{{ words['x'].format(1) }}",
        "{{ title | replace('', 'x') }}",
        "{{ title | safe }}",
        "{% filter upper %}x{% endfilter %}",
        "{% autoescape false %}{{ title }}{% endautoescape %}",
        "{% include 'layout.html' %}",
        "{% import '_parts.html' as p %}",
        "{% from 'article.html' import x %}",
        "{% extends 'article.html' %}",
        "{% extends name %}",
        "{{ super }}{{ self.content() }}",
    ],
)
def test_what_could_work_without_end_is_refused_with_its_line(text):
    (said, *_) = refused("a.html", f"\n{text}")
    assert said.startswith("a.html, line 2: ")


@given(st.text(alphabet="{}%#|. ()[]'abcforinset~*=\n", max_size=80))
def test_any_text_is_answered(text):
    assert all(said.startswith("a.txt, line ") for said in refused("a.txt", text))


@given(st.lists(st.sampled_from(["bir", "iki", "--- üç", "+ dört", "@@"]), max_size=8), st.data())
def test_a_diff_leads_from_one_text_to_the_other(before, data):
    after = data.draw(st.permutations(before))
    lines = difference("\n".join(before), "\n".join(after))
    said = {kind: sorted(line for one, line in lines if one == kind) for kind in "+-"}
    assert said["+"] == said["-"]  # a permutation takes away what it adds
    assert bool(lines) == ("\n".join(before).splitlines() != "\n".join(after).splitlines())
