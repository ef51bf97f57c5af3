"""The brand as it is used, and a place to try two colours. It is an operator's file: read only."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from service.admin.access import needs
from service.admin.powers import Power
from service.brand import FILE
from service.colours import is_colour
from service.pages import runtime
from service.palette import Palette, palette, refusal

ROLES = ("brand", "accent")


def blueprint() -> Blueprint:
    """One page for everybody on the staff; nothing on it changes anything."""
    part = Blueprint("brand", __name__, url_prefix="/staff/brand")

    @part.get("")
    @needs(Power.SEE)
    def show() -> str:
        settings = runtime().settings
        asked = {role: request.args.get(role, "")[:20].strip() for role in ROLES}
        used = {role: getattr(settings.brand.colours, role) for role in ROLES}
        tried, errors = _tried(asked) if any(asked.values()) else (None, {})
        return render_template(
            "staff/brand.html",
            used=used,
            colours={role: asked[role] or used[role] for role in ROLES},
            shown=tried or settings.brand.palette,
            is_tried=tried is not None,
            errors=errors,
            settings=settings,
            file=FILE,
            is_there=(settings.config_dir / FILE).exists(),
        )

    return part


def _tried(asked: dict[str, str]) -> tuple[Palette | None, dict[str, str]]:
    """The palette of two colours, and what is wrong with each; null where one is no colour."""
    brand, accent = (
        asked[role] or getattr(runtime().settings.brand.colours, role) for role in ROLES
    )
    colours = {"brand": brand, "accent": accent}
    errors = {
        role: f'{colour!r} is no colour: write it as "#0b5675"'
        for role, colour in colours.items()
        if not is_colour(colour)
    }
    if errors:
        return None, errors
    refused = {role: refusal(role, brand, accent) for role in ROLES}
    return palette(brand, accent), {role: said for role, said in refused.items() if said}
