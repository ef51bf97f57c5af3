"""What a template of somebody else's may ask for."""

from __future__ import annotations

import time

import pytest
from jinja2 import DictLoader
from jinja2.exceptions import SecurityError

from service.messages.sandbox import MOST, TOO_MUCH, Sandbox

DOUBLING = "{% for i in range(60) %}{% set ns.x = GROWN %}{% endfor %}{{ ns.x }}"
START = "{% set ns = namespace(x='abcdefgh') %}"
LISTS = "{% set ns = namespace(x=['abcdefgh']) %}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 100000000 }}",
        "{{ 100000000 * 'x' }}",
        "{{ [1] * 100000000 }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ 10 ** 100000 }}",
        "{% set ns = namespace(x=9) %}" + DOUBLING.replace("GROWN", "ns.x * ns.x"),
    ],
)
def test_what_would_take_minutes_is_an_error(text):
    with pytest.raises(SecurityError):
        Sandbox().from_string(text).render()


@pytest.mark.parametrize(
    "text",
    [
        "{{ '%99999999d' % 1 }}",
        "{{ '%.99999999f' % 1.5 }}",
        "{{ '%(a)99999999d' % {'a': 1} }}",
        "{{ '%*d' % (99999999, 1) }}",
        "{{ '%99999999d'|format(1) }}",
        "{{ ['%99999999d']|map('format', 1)|list }}",
        "{{ '{:99999999}'.format(1) }}",
        "{{ '{:>99999999.1f}'.format(1) }}",
        "{{ '{:{}}'.format(1, 99999999) }}",
        "{{ '{a:99999999}'.format_map({'a': 1}) }}",
        "{{ ('{:99999999}'|attr('format'))(1) }}",
        "{{ 'x'.center(99999999) }}",
        "{{ 'x'.ljust(99999999) }}",
        "{{ 'x'.rjust(99999999) }}",
        "{{ 'x'.zfill(99999999) }}",
        "{{ '\t'.expandtabs(99999999) }}",
        "{{ 'x'|center(99999999) }}",
        "{{ 'x'|indent(99999999, first=true) }}",
        "{{ ('x' * 5000)|replace('x', 'y' * 5000) }}",
        "{{ ('x' * 5000).replace('x', 'y' * 5000) }}",
        "{{ ('x' * 5000)|wordwrap(1, wrapstring='y' * 5000) }}",
        "{{ ('y' * 5000).join('x' * 5000) }}",
        "{{ (['x'] * 5000)|join('y' * 5000) }}",
        "{{ range(99999)|map('replace', '1', 'y' * 5000)|join }}",
        "{{ 'x'|slice(99999999)|list }}",
        "{{ ['x']|batch(99999999, 'x')|list }}",
        "{{ [1]|tojson(indent=99999999) }}",
        "{{ (1).to_bytes(99999999, 'big') }}",
        "{% filter center(99999999) %}x{% endfilter %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{% set x %}{% for a in range(9999) %}{{ 'x' * 999 }}{% endfor %}{% endset %}",
        "{% for a in [9] recursive %}{{ loop([a - 1] * 99) if a }}{% endfor %}",
        "{% macro f(n) %}{{ f(n - 1) ~ f(n - 1) if n }}{% endmacro %}{{ f(60) }}",
        START + DOUBLING.replace("GROWN", "ns.x ~ ns.x"),
        START + DOUBLING.replace("GROWN", "ns.x + ns.x"),
        START + DOUBLING.replace("GROWN", "'%s%s' % (ns.x, ns.x)"),
        START + DOUBLING.replace("GROWN", "'{0}{0}'.format(ns.x)"),
        START + DOUBLING.replace("GROWN", "ns.x.replace('a', ns.x)"),
        LISTS + DOUBLING.replace("GROWN", "[ns.x, ns.x]"),
        LISTS + DOUBLING.replace("GROWN", "(ns.x, ns.x)"),
        LISTS + DOUBLING.replace("GROWN", "{'a': ns.x, 'b': ns.x}"),
        LISTS + DOUBLING.replace("GROWN", "dict(a=ns.x, b=ns.x)"),
        LISTS + DOUBLING.replace("GROWN", "[ns.x, ns.x]|list"),
    ],
)
def test_what_would_write_megabytes_is_an_error_before_it_is_written(text):
    template = Sandbox(autoescape=True).from_string(text)
    began = time.process_time()
    with pytest.raises(SecurityError):
        template.render()
    assert time.process_time() - began < 5


def test_a_template_that_includes_itself_twice_comes_to_an_end():
    loader = DictLoader({"a": "{% include 'a' %}{% include ['a'] ignore missing %}"})
    with pytest.raises((SecurityError, RecursionError)):
        Sandbox(loader=loader).get_template("a").render()


def test_what_is_said_is_the_same_whatever_the_way():
    for text in ("{{ 'x'|center(99999999) }}", "{{ '%99999999d' % 1 }}"):
        with pytest.raises(SecurityError, match=TOO_MUCH):
            Sandbox().from_string(text).render()


def test_each_rendering_has_the_whole_sum():
    template = Sandbox().from_string("{{ 'x' * n }}")
    for _ in range(3):
        assert len(template.render(n=MOST // 3)) == MOST // 3


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{{ '=' * 3 }}", "==="),
        ("{{ 6 * 7 }}", "42"),
        ("{{ 2 ** 10 }}", "1024"),
        ("{{ 2.5 * 2 }}", "5.0"),
        ("{{ 1 + 2 }}{{ 'a' + 'b' }}{{ 'a' ~ 1 }}", "3aba1"),
        ("{{ '%5d|%s' % (7, 'a') }}", "    7|a"),
        ("{{ '{:>5}|{b}'.format(7, b=8) }}", "    7|8"),
        ("{{ 'a'.center(5) }}{{ 'a'|center(5) }}", "  a    a  "),
        ("{{ 'bab'|replace('b', 'c') }}", "cac"),
        ("{{ [1, 2]|map('string')|join(', ') }}{{ ', '.join(['a', 'b']) }}", "1, 2a, b"),
        ("{{ {'a': 1}|dictsort }}{{ (1, 2) }}", "[('a', 1)](1, 2)"),
        ("{% for a, b in [(1, 2)] %}{{ loop.length }}{{ a }}{{ b }}{% endfor %}", "112"),
        ("{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"),
        (
            "{% for a in range(2) %}{% for b in 'xy' %}{{ a }}{{ b }}{% endfor %}{% endfor %}",
            "0x0y1x1y",
        ),
        ("{% for a in range(6)|select('odd') %}{{ a }}{% endfor %}", "135"),
        (
            "{% for a in [[1], [2]] recursive %}{{ loop(a) if a is sequence else a }}{% endfor %}",
            "12",
        ),
        ("{% set x %}a{% endset %}{% macro m(y) %}[{{ y }}]{% endmacro %}{{ m(x) }}", "[a]"),
        ("{{ ('wort ' * 2000)|truncate(9, true) }}", "wort w..."),
    ],
)
def test_what_is_small_is_worked_out(text, written):
    assert Sandbox().from_string(text).render() == written
