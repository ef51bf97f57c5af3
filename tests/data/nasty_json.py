"""Bodies that break parsers, and what the door must answer: 400, 422, or 202 where it is harmless.

Each is signed like any other, so that the parser is what they meet. The name says what is wrong.
"""

from __future__ import annotations

import gzip
import json
import time

WHOLE = {
    "id": "58150",
    "state": "published",
    "title": "Körfez için iklim eylem planı",
    "url": "https://www.example.bel.tr/haber/58150",
}
_TEXT = json.dumps(WHOLE, ensure_ascii=False)
_BYTES = _TEXT.encode()


def _with(raw: str, name: str = "extra") -> bytes:
    """A whole article and one more member, written as it stands."""
    return f'{_TEXT[:-1]}, "{name}": {raw}}}'.encode("utf-8", "surrogatepass")


def _instead(raw: str) -> bytes:
    """A whole article but for its title, written as it stands."""
    return _TEXT.replace('"Körfez için iklim eylem planı"', raw).encode("utf-8", "surrogatepass")


NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \n\t\r ",
    "one NUL": b"\0",
    "byte order mark alone": b"\xef\xbb\xbf",
    "byte order mark": b"\xef\xbb\xbf" + _BYTES,
    "UTF-16": _TEXT.encode("utf-16"),
    "UTF-16 without a mark": _TEXT.encode("utf-16-le"),
    "UTF-32": _TEXT.encode("utf-32"),
    "Windows-1254": _TEXT.encode("cp1254"),
    "gzip": gzip.compress(_BYTES),
    "form": b"title=a&state=published",
    "XML": b"<?xml version='1.0'?><article/>",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"article"',
    "a list": b"[" + _BYTES + b"]",
    "two objects": _BYTES + _BYTES,
    "two lines of objects": _BYTES + b"\n" + _BYTES,
    "trailing garbage": _BYTES + b"x",
    "trailing NUL": _BYTES + b"\0",
    "trailing comma": _BYTES[:-1] + b",}",
    "trailing comma in a list": _with("[1,]"),
    "leading comma": b"{," + _BYTES[1:],
    "no closing brace": _BYTES[:-1],
    "cut in a letter": _BYTES[: _BYTES.index("ö".encode()) + 1],
    "cut in an escape": b'{"id": "\\u12',
    "comment": _BYTES[:-1] + b"/* a */}",
    "comment of a line": b"// a\n" + _BYTES,
    "hash comment": b"# a\n" + _BYTES,
    "single quotes": _TEXT.replace('"', "'").encode(),
    "no quotes": b"{id: 1}",
    "number as a key": b"{1: 1}",
    "Python": b"{'id': None, 'urgent': True}",
    "no colon": b'{"id" 1}',
    "no comma": b'{"id": "1" "state": "published"}',
    "raw line break in a text": _instead('"a\nb"'),
    "raw tab in a text": _instead('"a\tb"'),
    "raw escape character": _instead('"a\x1bb"'),
    "raw NUL": _instead('"a\0b"'),
    "bad escape": _instead(r'"\x41"'),
    "escape of nothing": _instead('"\\"'),
    "overlong slash": _instead('"@@"').replace(b"@@", b"\xc0\xaf"),
    "overlong NUL": _instead('"@@"').replace(b"@@", b"\xc0\x80"),
    "overlong of three bytes": _instead('"@@"').replace(b"@@", b"\xe0\x80\xaf"),
    "five bytes": _instead('"@@"').replace(b"@@", b"\xf8\x88\x80\x80\x80"),
    "above Unicode": _instead('"@@"').replace(b"@@", b"\xf4\x90\x80\x80"),
    "a stray continuation byte": _instead('"@@"').replace(b"@@", b"\x80"),
    "bytes FE and FF": _instead('"@@"').replace(b"@@", b"\xfe\xff"),
    "half a character as bytes": _instead('"\ud83d"'),
    "half a character as an escape": _instead(r'"\ud83d"'),
    "the other half first": _instead(r'"\ude00\ud83d"'),
    "half a character as a key": _with("1", r"\udc00"),
    "half a character deep down": _with(r'[[{"a": ["\ud800"]}]]'),
    "NUL as an escape": _instead(r'"a\u0000b"'),
    "NUL as a key": _with("1", r"\u0000"),
    "NaN": _with("NaN"),
    "Infinity": _with("Infinity"),
    "minus Infinity": _with("-Infinity"),
    "a leading plus": _with("+1"),
    "a leading zero": _with("01"),
    "hexadecimal": _with("0x10"),
    "a bare point": _with(".5"),
    "a point at the end": _with("5."),
    "an exponent of nothing": _with("1e"),
    "digits of another script": _with("١٢"),
    "100,000 digits": _with("9" * 100_000),
    "minus 100,000 digits": _with("-" + "9" * 100_000),
    "lists too deep": _with("[" * 40 + "]" * 40),
    "objects too deep": _with('{"a":' * 40 + "1" + "}" * 40),
    "100,000 lists": _with("[" * 100_000 + "]" * 100_000),
    "100,000 lists, none closed": _with("[" * 100_000),
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "upper-case literals": _with("TRUE"),
    "undefined": _with("undefined"),
}

WRONG_ARTICLE: dict[str, bytes] = {
    "no members": b"{}",
    "members of an unknown name alone": b'{"a": 1}',
    "names in another case": _TEXT.replace('"id"', '"Id"').encode(),
    "names with a space": _TEXT.replace('"id"', '" id"').encode(),
    "the last of two states counts": _with('"deleted"', "state"),
    "the last of two ids counts": _with("null", "id"),
    "a number as a title": _instead("1"),
    "a list as a title": _instead('["a"]'),
    "an object as a title": _instead('{"toString": "a"}'),
    "true as a title": _instead("true"),
    "a title of white space": _instead('" \\u00a0\\u2003\\u200b "'),
    "a title of control characters": _instead(r'"\u0001\u001f\u007f\u009f"'),
    "a title of half a megabyte": _instead('"' + "a" * 500_000 + '"'),
    "1e400 as a date": _with("1e400", "published_at"),
    "a number beyond any year": _with("1e18", "published_at"),
    "10^18 as a date": _with("999999999999999999", "updated_at"),
    "a date of 30 February": _with('"2026-02-30"', "published_at"),
    "a year of five digits": _with('"12026-01-01T00:00:00Z"', "published_at"),
    "a zone of 99 hours": _with('"2026-01-01T00:00:00+99:00"', "published_at"),
    "seconds of 61": _with('"2026-01-01T00:00:61Z"', "published_at"),
    "yes for true": _with('"perhaps"', "urgent"),
    "2 for true": _with("2", "urgent"),
    "an object as a list of tags": _with('{"0": "a"}', "tags"),
    "51 tags": _with(json.dumps(["a"] * 51), "tags"),
    "50,000 tags": _with(json.dumps(["a"] * 50_000), "tags"),
    "a tag of 101 characters": _with(json.dumps(["a" * 101]), "tags"),
    "an image without an address": _with('{"alt": "a"}', "image"),
    "an image that runs": _with('{"url": "javascript:alert(1)"}', "image"),
    "a body of 200,001 characters": _with(json.dumps("a" * 200_001), "body_html"),
    "a body of open tags": _with(json.dumps("<b><p>" * 30_000), "body_html"),
    "a language of markup": _with('"<b>"', "language"),
    "another version": _with('"tellal.article/2"', "spec"),
}

HARMLESS: dict[str, bytes] = {
    "as it should be": _BYTES,
    "every letter as an escape": json.dumps(WHOLE).encode(),
    "white space around": b"\r\n\t " + _BYTES + b"\r\n\t ",
    "a slash as an escape": _TEXT.replace("/", "\\/").encode(),
    "two titles": _with('"İkinci başlık"', "title"),
    "__proto__": _with('{"isAdmin": true}', "__proto__"),
    "constructor": _with('{"prototype": {"isAdmin": true}}', "constructor"),
    "model_config": _with('{"extra": "allow"}', "model_config"),
    "an empty key": _with("1", ""),
    "a key of 500 KB": _with("1", "k" * 500_000),
    "20,000 small keys": _with(json.dumps({f"k{n}": n for n in range(20_000)})),
    "keys that hash alike": _with(json.dumps({str(n * (2**61 - 1)): 0 for n in range(5000)})),
    "31 levels": _with("[" * 31 + "]" * 31),
    "1e400 where nobody looks": _with("1e400"),
    "1e-400": _with("1e-400"),
    "minus zero": _with("-0"),
    "a number of 4,000 digits": _with("9" * 4000),
    "a pair of halves": _instead(r'"\ud83d\ude00 haber"'),
    "text from right to left": _instead('"\u202eabc\u202c haber"'),
    "an emoji of seven": _instead('"👩‍👩‍👧‍👦 haber"'),
    "letters of parts": _instead('"I\u0307zmir Bu\u0308yu\u0308ks\u0327ehir"'),
    "Unicode's last character": _instead('"\U0010ffff haber"'),
    "a line separator": _instead('"a\u2028b"'),
    "null for what may be missing": _with("null", "published_at"),
    "a number as a date": _with(str(int(time.time())), "published_at"),
    "1 for true": _with("1", "urgent"),
    "markup as a title": _instead('"<script>alert(1)</script>"'),
    "a template as a title": _instead('"{{ 7*7 }} ${7*7} %s %(a)s"'),
    "a statement as a title": _instead('"\'; DROP TABLE article; --"'),
    "a body of 200,000 characters": _with(json.dumps("a" * 200_000), "body_html"),
    "a body that runs": _with(json.dumps("<p onclick=a()>a<script>b()</script>"), "body_html"),
}
