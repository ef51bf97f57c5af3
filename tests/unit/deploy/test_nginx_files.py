"""The files of `config/nginx`: what a request is handed on with stands in one of them."""

from __future__ import annotations

from pathlib import Path

NGINX = Path(__file__).parents[3] / "config" / "nginx"


def test_how_a_request_is_handed_on_is_said_once():
    said = [path.name for path in NGINX.rglob("*.conf") if "proxy_pass " in path.read_text("utf-8")]
    assert said == ["proxy.conf"]
