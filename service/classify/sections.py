"""Topics that the CMS gave: its sections, as staff mapped them in the list of topics.

The mapping wins over the terms: somebody chose the section for this very article.
"""

from collections import defaultdict
from collections.abc import Iterable

from service.classify.taxonomy import Topic, section_key


class SectionMap:
    """Which topics each section stands for. A section may stand for several."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._topics: dict[str, list[str]] = defaultdict(list)
        for topic in topics:
            for section in topic.sections:
                self._topics[section_key(section)].append(topic.slug)

    def find(self, sections: Iterable[str]) -> dict[str, str]:
        """Return the topics with the section that gave each, the first one if there are more."""
        found: dict[str, str] = {}
        for section in sections:
            for slug in self._topics.get(section_key(section), ()):
                found.setdefault(slug, section)
        return found
