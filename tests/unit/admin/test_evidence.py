"""Evidence is marked where it was found, and nowhere else."""

from __future__ import annotations

from service.admin.evidence import Found, Piece, pieces, summarise


def find(text: str, word: str, name: str = "Çevre", field: str = "body") -> Found:
    start = text.index(word)
    return Found(name, field, start, start + len(word), word)


def test_a_text_is_cut_at_its_evidence() -> None:
    text = "İzmir’de körfez temizleniyor"
    cut = pieces(text, "body", [find(text, "körfez")])
    assert cut == [Piece("İzmir’de "), Piece("körfez", ("Çevre",)), Piece(" temizleniyor")]


def test_overlapping_finds_become_one_piece_with_all_names() -> None:
    text = "körfez temizliği"
    cut = pieces(text, "body", [find(text, "körfez"), find(text, text, "Temizlik")])
    assert cut == [Piece(text, ("Çevre", "Temizlik"))]


def test_other_fields_and_wrong_spans_mark_nothing() -> None:
    text = "körfez"
    wrong = Found("Çevre", "body", 0, 3, "deniz")
    assert pieces(text, "body", [find(text, "körfez", field="title"), wrong]) == [Piece(text)]
    assert pieces("", "body", []) == []


def test_terms_are_counted_in_their_order() -> None:
    items = [{"term": "b"}, {"term": "a"}, {"term": "b"}, {}]
    assert summarise(items) == [("b", 2), ("a", 1)]
