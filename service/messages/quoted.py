"""Quoted-printable (RFC 2045, section 6.7), written so that what follows is simple and safe.

Every text comes out in its relaxed DKIM form already (RFC 6376, section 3.4.4): no run of blanks,
none at a line's end. No line begins with a dot, so none has to be stuffed (RFC 5321, section
4.5.2), nor with "From ", which mbox files quote. A character is never split, and an address of the
web only where it is longer than a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from service.messages.segments import MARK

LINE = 73  # of 76 octets: one for the soft break, two for a dot that has to be written as =2E
_PLAIN = re.compile(rb"(?!\.|From )(?:[!-<>-~]| (?! |\Z)){0,%d}" % LINE)
_UNSAFE = re.compile(rb"[^ -<>-~]+| (?= |\Z)")
_URL = re.compile(rb"https?://[^ \"'<>]+")
_MARK = re.compile(f"({MARK})")
_ESCAPED = [b"=%02X" % octet for octet in range(256)]
_CONTINUATION = b"89AB"  # the first digit of an octet that goes on a character (RFC 3629)


def quoted(text: str, slots: Mapping[str, bytes] | None = None) -> bytes:
    """The text as CRLF lines of 76 octets at most, the last one ended.

    Each mark that is a key of `slots` becomes its value, which is quoted-printable already and
    gets lines of its own: by soft breaks where the text goes on, so that nothing is added.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    if not slots:
        return _lines(text)
    pieces, found = [""], []
    for part in _MARK.split(text):
        if part in slots:
            found.append(slots[part])
            pieces.append("")
        else:
            pieces[-1] += part
    out = [_lines(pieces[0])]
    is_open = bool(pieces[0]) and not pieces[0].endswith("\n")
    for slot, piece in zip(found, pieces[1:], strict=True):
        goes_on = bool(piece) and not piece.startswith("\n")
        out += (b"=\r\n" if is_open else b"", slot, b"=\r\n" if goes_on else b"", _lines(piece))
        is_open = not piece.endswith("\n")
    return b"".join(out)


def _lines(text: str) -> bytes:
    return b"\r\n".join(map(_line, text.encode("utf-8", "replace").split(b"\n")))


def _line(line: bytes) -> bytes:
    """One line, in as many as it takes."""
    if _PLAIN.fullmatch(line):
        return line
    escaped = _UNSAFE.sub(lambda found: b"".join(_ESCAPED[octet] for octet in found[0]), line)
    urls = [found.span() for found in _URL.finditer(escaped)] if len(escaped) > LINE else []
    lines, start = [], 0
    while len(escaped) - start > LINE:
        end = _end(escaped, start, urls)
        lines.append(_masked(escaped[start:end]))
        start = end
    lines.append(_masked(escaped[start:]))
    return b"=\r\n".join(lines)


def _end(escaped: bytes, start: int, urls: list[tuple[int, int]]) -> int:
    """Where a line that starts here is broken."""
    end = start + LINE
    for first, last in urls:
        if start < first < end < last and last - first <= LINE:
            return first
    if b"=" in escaped[end - 2 : end]:
        end = escaped.rindex(b"=", end - 2, end)
    while escaped[end : end + 1] == b"=" and escaped[end + 1] in _CONTINUATION:
        end -= 3
    return end


def _masked(line: bytes) -> bytes:
    return _ESCAPED[line[0]] + line[1:] if line.startswith((b".", b"From ")) else line
