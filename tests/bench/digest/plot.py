"""The picture of `docs/performance/digest.md`: readers planned and letters written a second."""

from __future__ import annotations

from collections.abc import Mapping

BARS = (("persons_per_s", "planned a second"), ("letters_per_s", "letters a second"))
COLOURS = {"sqlite": "#0b5675", "postgresql": "#7a4a00"}
WIDTH, LEFT, ROW = 640, 150, 34


def draw(found: Mapping[str, Mapping[str, float]]) -> str:
    """Horizontal bars, all of one scale."""
    most = max(of[name] for of in found.values() for name, _ in BARS)
    lines, y = [], 30
    for name, title in BARS:
        lines.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        for database, of in found.items():
            y += ROW
            width = max((WIDTH - LEFT - 110) * of[name] / most, 1)
            colour = COLOURS.get(database, "#465763")
            lines.append(f'<text x="10" y="{y}">{database}</text>')
            lines.append(
                f'<rect x="{LEFT}" y="{y - 15}" width="{width:.0f}" height="20" fill="{colour}"/>'
            )
            lines.append(f'<text x="{LEFT + width + 8:.0f}" y="{y}">{of[name]:,.0f}</text>')
        y += ROW + 14
    body = "\n".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y - 20}" '
        'font-family="sans-serif" font-size="14" fill="#14212b">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )
