"""Which passwords staff may choose: long, and not easily guessed. Nothing else is asked of them."""

from __future__ import annotations

from typing import Any

from service.admin.sign_in import MAX_PASSWORD, MIN_PASSWORD
from service.subscriptions.chat_urls import N_

FEWEST_LETTERS = 5  # different ones
GUESSED_FIRST = ("tellal", "password", "parola", "sifre", "şifre", "qwerty", "123456")


class PasswordError(ValueError):
    """A password that may not be; the text says why."""

    def __init__(self, field: str, text: str, **values: Any) -> None:
        super().__init__(text % values)
        self.field, self.text, self.values = field, text, values


def checked_password(password: str, again: str, account: str) -> str:
    """The password, if it may be one.

    Raises:
        PasswordError: too short or long, easily guessed, or not typed twice alike.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        text = N_("Choose a password of %(least)d to %(most)d characters")
        raise PasswordError("password", text, least=MIN_PASSWORD, most=MAX_PASSWORD)
    if _is_guessed(password, account):
        text = N_("This password is easily guessed: choose some words that do not belong together")
        raise PasswordError("password", text)
    if password != again:
        raise PasswordError("again", N_("The passwords are not the same"))
    return password


def _is_guessed(password: str, account: str) -> bool:
    plain = password.casefold()
    rest = plain
    for word in (account.casefold(), account.partition("@")[0].casefold(), *GUESSED_FIRST):
        rest = rest.replace(word, "")
    return len(set(plain)) < FEWEST_LETTERS or len(rest) < MIN_PASSWORD // 2
