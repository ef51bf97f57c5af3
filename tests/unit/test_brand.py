"""The brand file: what it may say and what is refused; colours that can be read, in any hue."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.brand import MAX_LOGO_BYTES, Brand, BrandError, load_brand, parse_brand
from service.colours import contrast, parse, shade
from service.palette import palette, refusal
from service.setting_sources import SettingsError
from service.settings import Settings, load
from service.stylesheet import TEXT_SIZES, display_sheet, minified, site_sheet, subset

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def write(folder: Path, text: str) -> Path:
    (folder / "brand.yaml").write_text(text, "utf-8")
    return folder


def of(folder: Path, **values: object) -> Settings:
    return load(config_dir=folder, var_dir="/nowhere", **values)


def test_the_brand_of_the_repository_is_right() -> None:
    brand = load().brand
    assert brand.languages == ("tr", "en")
    assert all(pair.is_enough for pair in brand.palette.pairs())


def test_a_folder_without_a_brand_has_a_plain_one(tmp_path: Path) -> None:
    assert load_brand(tmp_path) == Brand()
    assert of(tmp_path).city_name == "Tellal"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("city: [", ":1: is no YAML"),
        ("- a", ":1: Input should be a valid dictionary"),
        ("languages: [tr, xq]", ":1: languages: 'xq' is no language: write its code, as tr or en"),
        ("languages:\n- tr\n- tr", ":1: languages: a language is named twice"),
        ("city: {tr: ''}", ":1: city: the text for tr must be one line of 1 to 200 characters"),
        ("city: {}", ":1: city needs a text in one language at least"),
        ("\ncolour: x", ":2: colour is not known here"),
        ("colours:\n  brand: red", ":2: colours.brand: 'red' is no colour: write it as"),
        (
            'colours:\n  brand: "#33aaff"',
            ":1: colours: brand #33aaff has a contrast of 2.18:1 where accent stands on "
            "accent_soft, and 4.5:1 is needed; #0071b3 would do",
        ),
        ("colours:\n  accent: '#ffcc00'", "colours: accent #ffcc00 has a contrast of 1.31:1"),
        ("logo: ../x.svg", ":1: logo: '../x.svg' must be the name of an .svg or .png file"),
        ("logo: x.gif", ":1: logo: 'x.gif' must be"),
        ("logo: none.svg", "none.svg: the logo cannot be read: No such file"),
        ("\n\nsender:\n  address: a@b", ":3: sender: 'a@b' is no email address"),
        ("contact:\n  privacy: x", ":2: contact.privacy: 'x' is no email address"),
        ("short_name: ''", ":1: short_name: String should have at least 1 character"),
        ("x: &a [*a]", ":1: "),
        ("a" * 70_000, "longer than 64 KB"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        of(write(tmp_path, text))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=80) | st.binary(max_size=80))
def test_any_file_is_a_brand_or_a_sentence(found: str | bytes) -> None:
    said = "brand.yaml:"
    try:
        parse_brand(found if isinstance(found, bytes) else found.encode(), "brand.yaml")
    except BrandError as error:
        said = str(error)
    assert said.startswith("brand.yaml:")


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("logo.svg", b"<html/>", "is no SVG picture"),
        ("logo.svg", b"not xml", "is no SVG picture"),
        ("logo.svg", b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "is no SVG picture"),
        ("logo.png", SVG, "is no PNG picture"),
        ("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(MAX_LOGO_BYTES), "is larger than 24 KB"),
    ],
)
def test_a_logo_is_what_its_name_says(
    tmp_path: Path, name: str, data: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BrandError, match=sentence):
        load_brand(write(tmp_path, f"logo: {name}"))


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "city: {tr: Yalova, en: Yalova Town}\nsender: {name: Yalova Haber, address: a@b.example}"
    found = of(write(tmp_path, text))
    assert (found.city_name, found.mail_from, found.sender_name) == (
        "Yalova",
        "a@b.example",
        "Yalova Haber",
    )
    assert found.city("en") == ("Yalova Town", "en")
    assert found.city("ar") == ("Yalova", "tr")
    monkeypatch.setenv("TELLAL_CITY_NAME", "Bursa")
    monkeypatch.setenv("TELLAL_MAIL_FROM", "c@d.example")
    found = of(tmp_path)
    assert (found.city_name, found.mail_from) == ("Bursa", "c@d.example")
    assert found.city("en") == ("Bursa", "tr")


@given(COLOURS, COLOURS)
def test_every_colour_is_fine_or_refused_with_a_better_one(brand: str, accent: str) -> None:
    for role in ("brand", "accent"):
        if said := refusal(role, brand, accent):
            better = said.rpartition("; ")[2].split()[0]
            brand, accent = (better, accent) if role == "brand" else (brand, better)
            assert refusal(role, brand, accent) == ""
    assert [pair for pair in palette(brand, accent).pairs() if not pair.is_enough] == []


@given(COLOURS)
def test_a_colour_survives_its_way_there_and_back(colour: str) -> None:
    found = parse(colour)
    assert shade(found, found.lightness, found.chroma) == colour


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_the_sheet_keeps_what_pages_use_and_little_else() -> None:
    sheet = site_sheet(Brand().palette)
    assert ".btn-primary" in sheet
    assert ".visually-hidden" in sheet
    assert ".carousel" not in sheet
    assert len(sheet) < 45_000  # Bootstrap alone has 230,000
    assert sheet.count("{") == sheet.count("}")


def test_rules_are_kept_by_their_classes() -> None:
    css = "@media print{.a{x:y}.b{x:y}}.a,.b .c{x:y}p:not(.b,.c),i{x:y}@font-face{x:y}"
    assert subset(css, frozenset("a")) == "@media print{.a{x:y}}.a{x:y}i{x:y}"
    assert minified('/* a */ .a  > b {\n content: "a  b" ; }') == '.a > b{content: "a  b"}'


@pytest.mark.parametrize("size", [*TEXT_SIZES, "?"])
@pytest.mark.parametrize("scheme", ["light", "dark", "auto", "</style>"])
def test_a_choice_says_nothing_but_colours_and_size(scheme: str, size: str) -> None:
    sheet = display_sheet(Brand().palette, scheme, size)
    assert ("color-scheme" in sheet) == (scheme in ("light", "dark"))
    assert ("font-size" in sheet) == (size in ("large", "larger"))
    assert "<" not in sheet
