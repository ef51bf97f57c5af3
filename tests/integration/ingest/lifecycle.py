"""What tests ask of an article's life."""

from __future__ import annotations


def one(town, model):
    (row,) = town.all(model)
    return row


def feed(client) -> str:
    return client.get("/feeds/all.rss").text
