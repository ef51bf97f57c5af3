"""The city's brand, from `config/brand.yaml`: names, colours, logo, sender, addresses, languages.

Nothing about one city is written in code. Every mistake is told in one sentence with its line.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import yaml
from babel import Locale, UnknownLocaleError
from lxml import etree
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from service.colours import is_colour
from service.palette import Palette, palette, refusal

FILE = "brand.yaml"
MAX_FILE_BYTES = 64 * 1024
MAX_LOGO_BYTES = 24 * 1024  # a page may weigh 60 KB, all in all
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
_PNG = b"\x89PNG\r\n\x1a\n"
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ADDRESS = re.compile(r"[^@\s<>\",;:]+@[^@\s<>\",;:]+\.[^@\s<>\",;:]+")

# A text in several languages, by language.
Texts = dict[str, str]


class BrandError(Exception):
    """The brand cannot be used; each line of the text names a place in the file and a mistake."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Colours(_Part):
    """The two colours that a city chooses; all others follow from them (`service.palette`)."""

    brand: str = "#0b5675"
    accent: str = "#a8480a"

    @field_validator("brand", "accent")
    @classmethod
    def _is_colour(cls, value: str) -> str:
        if not is_colour(value):
            raise ValueError(f'{value!r} is no colour: write it as "#0b5675"')
        return value

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        for role in ("brand", "accent"):
            if said := refusal(role, self.brand, self.accent):
                raise ValueError(f"{role} {said}")
        return self


class Sender(_Part):
    """Whom letters come from; where empty, the city's name and TELLAL_MAIL_FROM's default."""

    name: str = Field("", max_length=100)
    address: str = ""


class Contact(_Part):
    """Addresses where people reach the city: email addresses, one for each matter."""

    general: str = ""
    privacy: str = ""
    accessibility: str = ""
    phone: str = Field("", max_length=40, pattern=r"^[+0-9 ()/-]*$")

    @field_validator("general", "privacy", "accessibility")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value)


class Brand(_Part):
    """A city's brand. The first of the languages is the one that pages without a prefix have."""

    languages: tuple[str, ...] = Field(("tr", "en"), min_length=1, max_length=20)
    city: Texts = {"tr": "Tellal"}
    service: Texts = {"tr": "Haber bildirimleri", "en": "News notifications"}
    short_name: str = Field("Tellal", min_length=1, max_length=30)
    colours: Colours = Colours()
    logo: str = ""
    sender: Sender = Sender()
    postal: Texts = {}
    contact: Contact = Contact()

    @field_validator("languages")
    @classmethod
    def _are_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            try:
                Locale.parse(code if _LANGUAGE.fullmatch(code) else "")
            except (UnknownLocaleError, ValueError):
                raise ValueError(f"{code!r} is no language: write its code, as tr or en") from None
        if len(set(value)) < len(value):
            raise ValueError("a language is named twice")
        return value

    @field_validator("city", "service", "postal")
    @classmethod
    def _are_texts(cls, value: Texts) -> Texts:
        for language, text in value.items():
            if not text or len(text) > 200 or not text.isprintable():
                raise ValueError(f"the text for {language} must be one line of 1 to 200 characters")
        return value

    @field_validator("logo")
    @classmethod
    def _is_file_name(cls, value: str) -> str:
        if value and (Path(value).name != value or Path(value).suffix not in LOGO_TYPES):
            raise ValueError(f"{value!r} must be the name of an .svg or .png file beside {FILE}")
        return value

    @field_validator("sender")
    @classmethod
    def _sends(cls, value: Sender) -> Sender:
        _address(value.address)
        return value

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        for name, texts in (("city", self.city), ("service", self.service)):
            if not texts:
                raise ValueError(f"{name} needs a text in one language at least")
        return self

    @property
    def language(self) -> str:
        """The language of pages without a prefix."""
        return self.languages[0]

    @cached_property
    def palette(self) -> Palette:
        return palette(self.colours.brand, self.colours.accent)

    def prefix(self, language: str) -> str:
        """What addresses of pages in a language begin with: nothing, or `/en`."""
        return f"/{language}" if language in self.languages[1:] else ""

    def spoken(self, texts: Texts, language: str) -> tuple[str, str]:
        """A text in the nearest language there is, and which that is: the language asked for, the
        default one, any. Empty where there is none."""
        for found in (language, self.language, *texts):
            if found in texts:
                return texts[found], found
        return "", language


def load_brand(folder: Path) -> Brand:
    """Read `brand.yaml` of the configuration's folder; without one the plain brand of Tellal.

    Raises:
        BrandError: the file or the logo cannot be used.
    """
    path = folder / FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Brand()
    except OSError as error:
        raise BrandError(f"{path}: cannot be read: {error.strerror}") from error
    brand = parse_brand(data, str(path))
    if brand.logo:
        read_logo(folder / brand.logo)
    return brand


def parse_brand(data: bytes, source: str) -> Brand:
    """Read a brand from YAML.

    Raises:
        BrandError: the text has mistakes; each is named with `source` and its line.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BrandError(f"{source}: longer than {MAX_FILE_BYTES // 1024} KB")
    try:
        node = yaml.compose(data, Loader=yaml.SafeLoader)
        values = yaml.safe_load(data)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BrandError(f"{source}:{line}: is no YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BrandError(f"{source}:1: is no YAML") from error
    try:
        return Brand.model_validate({} if values is None else values)
    except ValidationError as error:
        said = [f"{source}:{_line(node, one)}: {_sentence(one)}" for one in error.errors()]
        raise BrandError("\n".join(said)) from error


def read_logo(path: Path) -> bytes:
    """The logo's bytes.

    Raises:
        BrandError: it is missing, too large, or not what its name says.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrandError(f"{path}: the logo cannot be read: {error.strerror}") from error
    if len(data) > MAX_LOGO_BYTES:
        raise BrandError(f"{path}: the logo is larger than {MAX_LOGO_BYTES // 1024} KB")
    if not (_is_svg(data) if path.suffix == ".svg" else data.startswith(_PNG)):
        raise BrandError(f"{path}: the logo is no {path.suffix.lstrip('.').upper()} picture")
    return data


def _is_svg(data: bytes) -> bool:
    """True for a drawing without entities. Scripts in it never run: it is shown as a picture, and
    its own address answers with a sandbox."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        return False
    has_entities = b"<!ENTITY" in data.upper()
    return bool(root.tag == "{http://www.w3.org/2000/svg}svg") and not has_entities


def _address(value: str) -> str:
    if value and (len(value) > 254 or not _ADDRESS.fullmatch(value)):
        raise ValueError(f"{value!r} is no email address")
    return value


def _line(node: yaml.Node | None, error: ErrorDetails) -> int:
    """The line of what is wrong: as deep as the file goes where the error points."""
    line = node.start_mark.line + 1 if node else 1
    for step in error["loc"]:
        if isinstance(node, yaml.MappingNode):
            pairs = [pair for pair in node.value if getattr(pair[0], "value", None) == str(step)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            pairs = [(item, item) for item in node.value[step : step + 1]]
        else:
            break
        if not pairs:
            break
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line


def _sentence(error: ErrorDetails) -> str:
    name = ".".join(map(str, error["loc"]))
    said: Any = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"{name} is not known here"
    return f"{name}: {said}" if name else str(said)
