"""Near-duplicates: the pairs that are known, and none where there are none."""

from __future__ import annotations

from collections.abc import Iterator

from service.classify.stories import StoryIndex, shingles
from tests.bench.accuracy.data import Evaluation, Press
from tests.bench.accuracy.row import Row

_KNOWN = {(311, 355), (364, 409), (655, 691), (353, 374), (633, 743)}


def pairs_in(press: Press) -> set[tuple[str, str]]:
    index: StoryIndex[str] = StoryIndex()
    found = set()
    for item in press.raw:
        grams = shingles(item["text"])
        found |= {(other, item["id"]) for other, _ in index.matches(grams)}
        index.add(item["id"], grams)
    return found


def rows_of(data: Evaluation) -> Iterator[Row]:
    found = {
        tuple(sorted(int(name.rsplit("-", 1)[1]) for name in pair))
        for pair in pairs_in(data.newscat_train)
    }
    ours = f"{len(found & _KNOWN)} of 5, {len(found - _KNOWN)} others"
    yield Row("Near-duplicates, newscat_train", "5 pairs", "those 5", ours, found == _KNOWN)
    count = len(pairs_in(data.ttc))
    yield Row("Near-duplicates, ttc3600_dev", "0", "0", str(count), count == 0)
