"""What tests ask of an article's life."""

from __future__ import annotations

from service.models import Notification


def one(town, model):
    (row,) = town.news() if model is Notification else town.all(model)
    return row


def feed(client) -> str:
    return client.get("/feeds/all.rss").text
