"""What is told of a bench, and of each of its figures: how it was taken, and its bar."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Ratio:
    """One figure. `least` and `most` are its bar, where there is one; `missed` says what is known
    of why, and is told where the bar is not met."""

    how: str
    least: float | None = None
    most: float | None = None
    missed: str = ""

    @property
    def bar(self) -> str:
        parts = [f"≥ {self.least:g}" if self.least is not None else ""]
        parts.append(f"≤ {self.most:g}" if self.most is not None else "")
        return " ".join(filter(None, parts))

    def verdict(self, value: float | None) -> str:
        """In a word whether the bar is met; empty where there is no bar or no value."""
        if value is None or not self.bar:
            return ""
        is_met = (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )
        return "met" if is_met else "not met"


@dataclass(frozen=True)
class Bench:
    """One bench. `page` is its own in docs, empty where it has none; `needs` is a variable of the
    environment that names its data; `plain` are figures that are told on its own page alone."""

    name: str
    module: str
    title: str
    page: str
    ratios: dict[str, Ratio]
    needs: str = ""
    plain: tuple[str, ...] = field(default=())
