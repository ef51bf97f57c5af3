"""Presets are data: what is shipped loads, and each mistake in a file is one clear line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from service.ingest.expressions import EvaluationError, ExpressionError, compile_expression
from service.ingest.presets import PresetError, load_presets
from service.ingest.schemes import SCHEMES

FOLDER = Path(__file__).parents[3] / "config" / "presets"
SHIPPED = {
    *(
        "tellal",
        "standard-webhooks",
        "cloudevents",
        "cloudevents-batch",
        "json-ld",
        "ghost",
        "wordpress",
    ),
    *("wordpress-rest", "strapi", "directus", "drupal", "contentful", "sanity", "typo3"),
    *("umbraco", "entry"),
}
SOUND = """
title = "My CMS"
signature = ["bearer"]
id = "body.id"
state = "'published'"
[fields]
title = "body.title"
"""


def mistakes_of(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PresetError) as caught:
        load_presets(folder)
    return list(caught.value.mistakes)


def test_every_shipped_preset_loads_and_says_what_it_is(presets):
    assert set(presets) == SHIPPED
    for preset in presets.values():
        assert preset.title
        assert set(preset.signature) <= set(SCHEMES)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_shipped_preset_begins_with_what_it_was_made_from_and_its_traps(name):
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")

    assert text.startswith("# ")
    if name != "tellal":
        assert "# Traps\n" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_an_operator_adds_a_cms_with_a_file_alone(tmp_path):
    (tmp_path / "my-cms.toml").write_text(SOUND, encoding="utf-8")

    assert load_presets(tmp_path)["my-cms"].title == "My CMS"


def test_presets_cannot_be_changed(presets):
    with pytest.raises(dataclasses.FrozenInstanceError):
        presets["ghost"].signature = ("bearer",)
    with pytest.raises(TypeError):
        presets["ghost"].rules.fields["title"] = None


def test_typo3_borrows_the_rules_of_json_ld(presets):
    assert presets["typo3"].enrich.rules is presets["json-ld"].rules


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('["bearer"]', '["rot13"]', "signature: 'rot13' is no scheme; known are standard, ghost"),
        ('signature = ["bearer"]', "", "signature: is missing; a CMS that cannot sign"),
        ('["bearer"]', "[]", "signature: names no scheme"),
        ('["bearer"]', '"bearer"', "signature: must be a list of texts"),
        ('id = "body.id"', "", "id: is missing"),
        ('id = "body.id"', "id = 4", "id: must be a JMESPath expression in quotes"),
        ('"body.id"', '"body.["', "id: is not JMESPath: Invalid jmespath expression"),
        ('"body.id"', '"body-id"', "id: is not JMESPath: Bad jmespath expression: Unknown token"),
        ('"body.id"', '"upper(body.id)"', "id: calls upper(), which JMESPath does not have"),
        ('"body.id"', '"join(body.id)"', "id: gives join() 1 arguments; it takes 2"),
        ('"body.id"', f'"{"a" * 301}"', "id: has 301 characters; 300 are allowed"),
        ('"body.id"', '"a|b|c|d|e|f"', "id: has 5 pipes; 4 are allowed"),
        ('"body.id"', '"a[].b[].c[]"', "id: has 3 flattens; 2 are allowed"),
        ('"body.id"', '"!body.x && body.id"', "id: has `!` before a path"),
        ("state = \"'published'\"", "", "state: is missing: say what makes an article"),
        ('title = "body.title"', "", "fields.title: is missing, and no [enrich] fetches it"),
        ('title = "body.title"', 'titel = "body.title"', "fields.titel: is not known; possible"),
        ('"body.title"', '"body.author.name"', "fields.title: reads 'author'; personal data is"),
        ('"body.title"', '"body.user.email"', "fields.title: reads 'user'; personal data is"),
        ("[fields]", 'colour = "red"\n[fields]', "colour: is no key of a preset; known are"),
        ("[fields]", 'locales = "tr"\n[fields]', "locales: must be a list of texts"),
        ("[fields]", 'timezone = "Izmir"\n[fields]', "timezone: 'Izmir' is no time zone"),
        ("[fields]", 'html = ["url"]\n[fields]', "html: 'url' cannot be HTML; only body"),
        ("[fields]", 'strict = "yes"\n[fields]', "strict: must be true or false"),
        ("[fields]", 'delivery_id = ["X Id"]\n[fields]', "delivery_id: 'X Id' is no header name"),
        ("[fields]", 'delivery_id = "]"\n[fields]', "delivery_id: is not JMESPath"),
        ("[fields]", 'url_template = "haber"\n[fields]', "url_template: must be a path or an"),
        ("[fields]", 'url_template = "/{slug}"\n[fields]', "url_template: {slug} has no express"),
        ("[fields]", "aliases = 3\n[fields]", "aliases: must be a table"),
        ("[fields]", '[aliases]\nslug = "a"\n[fields]', "aliases.slug: is not known; possible are"),
        ("[fields]", '[enrich]\npreset = "x"\n[fields]', "enrich.url: is missing"),
        ("[fields]", '[enrich]\nurl = "/{id}"\n[fields]', "enrich.fields.title: is missing"),
        (
            "[fields]",
            '[enrich]\nurl = "/{id}"\nform = "xml"\npreset = "x"\n[fields]',
            "enrich.form: must be one of json, html",
        ),
        (
            "[fields]",
            '[enrich]\nurl = "/{id}"\npreset = "x"\n[fields]',
            "enrich.preset: 'x' is no preset that could lend its fields",
        ),
    ],
)
def test_a_mistake_is_named_with_file_key_and_reason(tmp_path, old, new, line):
    assert old in SOUND

    found = mistakes_of(tmp_path, mine=SOUND.replace(old, new, 1))

    assert any(text.startswith(f"mine.toml: {line}") for text in found), found
    assert all("\n" not in text for text in found)


def test_a_missing_value_of_an_inherited_template_is_named(tmp_path):
    text = SOUND.replace(
        "[fields]", 'url_template = "/{slug}"\n[values]\nslug = "body.slug"\n[fields]'
    )
    text += '[enrich]\nurl = "/{id}"\n[enrich.fields]\ntitle = "body.title"\n'

    assert mistakes_of(tmp_path, mine=text) == [
        "mine.toml: enrich.values: lacks slug, which the url_template above takes"
    ]


def test_all_mistakes_of_all_files_are_named_at_once(tmp_path):
    found = mistakes_of(
        tmp_path, one=SOUND.replace("body.id", "["), two="signature = [", three=SOUND
    )

    assert [text.partition(":")[0] for text in found] == ["one.toml", "two.toml"]


def test_a_file_name_that_no_source_could_name_is_refused(tmp_path):
    (found,) = mistakes_of(tmp_path, **{"My CMS": SOUND})

    assert found.startswith("My CMS.toml: file name: use small letters")


def test_an_empty_folder_is_refused(tmp_path):
    (found,) = mistakes_of(tmp_path)

    assert "no *.toml file" in found


@pytest.mark.parametrize(
    ("text", "document", "reason"),
    [
        ("join(', ', a)", {}, "join() got null"),
        ("a > b", {"a": "x", "b": 1}, "does not fit the payload (TypeError)"),
        ("ceil(to_number(a))", {"a": "1e999"}, "does not fit the payload (OverflowError)"),
        ("max(a)", {"a": [1, "ayse@example.org"]}, "max() got str"),
    ],
)
def test_an_expression_that_does_not_fit_says_so_without_repeating_the_payload(
    text, document, reason
):
    with pytest.raises(EvaluationError) as caught:
        compile_expression(text).search(document)

    assert str(caught.value) == reason


@pytest.mark.parametrize("text", ["!" * 299, "(" * 299, "`" + "[" * 298, "", "\udcff", "a" * 301])
def test_nonsense_is_an_expression_error(text):
    with pytest.raises(ExpressionError):
        compile_expression(text)
