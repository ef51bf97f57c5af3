"""Three articles with their evidence, for docs/accuracy.md. Two of the seed page, one invented."""

from __future__ import annotations

from itertools import product

from service.classify import ArticleText, Classifier, Evidence
from service.classify.train import Example, train
from tests.bench.accuracy.city import article
from tests.bench.accuracy.data import SMALL, read_json, shipped

_MAX_EVIDENCE = 6

# Decisions of an invented editorial staff, on a kind of event that no term names.
_PLACES = ("Altındağ", "Basın Sitesi", "Evka 3", "Gültepe", "Limontepe", "Yeşilyurt")
_YES = (
    "{} Mahallesi’nde Karagöz perdesi kuruldu. Komşular hayali ustanın gölge oyununu izledi.",
    "{} sakinleri Karagöz ile Hacivat’a güldü. Hayali, perdesini parkta açtı.",
    "Gölge oyunu {} sokaklarında. Hayali usta, tasvirlerini çocuklara da gösterdi.",
)
_NO = (
    "{} Mahallesi’nde kaldırım taşları yenilendi. Ekipler bordürleri de değiştirdi.",
    "{} sakinleri muhtarla buluştu. Talepler not edildi, yanıtlar ay sonunda verilecek.",
    "Ekipler {} sokaklarında. Yağmur öncesi ızgaralar temizlendi.",
)
_TOPIC = "kultur-sanat"
_INVENTED = ArticleText(
    "Hayali usta bu akşam Kadifekale’de",
    "Karagöz ile Hacivat, perdesini Kadifekale’de açıyor.",
    "Gölge oyunu saat 20.30’da başlıyor. Usta, oyundan sonra tasvirlerini gösterecek.",
)


def shown() -> str:
    pages = read_json(SMALL / "seed_articles.json")["items"]
    plain = shipped()
    parts = [_shown(plain, article(item)) for item in pages[:2]]
    parts.append(
        "The third is invented, and classified by a model that was trained on 36 invented "
        f"decisions about `{_TOPIC}`. No term of that topic is in it; words learned from the staff "
        "are marked with ≈.\n\n" + _shown(_learned(plain), _INVENTED)
    )
    return "\n\n".join(parts)


def _learned(plain: Classifier) -> Classifier:
    examples = []
    for is_yes, sentences in ((True, _YES), (False, _NO)):
        for sentence, place in product(sentences, _PLACES):
            title, _, body = sentence.format(place).partition(". ")
            signals = plain.signals(ArticleText(title, "", body))
            examples.append(Example(signals.words, signals.seeds, {_TOPIC: is_yes}))
    return shipped(train(examples, [_TOPIC], terms=plain.terms_version))


def _shown(classifier: Classifier, text: ArticleText) -> str:
    found = classifier.classify(text)
    lines = [f"**{text.title}**", "", "|topic|probability|band|because of|", "|---|---|---|---|"]
    for label in found.topics:
        because = ", ".join(map(_evidence, label.evidence[:_MAX_EVIDENCE]))
        lines.append(f"|{label.slug}|{label.score:.2f}|{label.band}|{because}|")
    places = ", ".join(place.slug for place in found.places) or "none: the whole city"
    return "\n".join([*lines, "", f"Districts: {places}."])


def _evidence(one: Evidence) -> str:
    mark = "≈ " if one.kind == "word" else ""
    return f"{mark}“{one.text}” ({one.field} {one.start}–{one.end}, {one.weight:.2f})"
