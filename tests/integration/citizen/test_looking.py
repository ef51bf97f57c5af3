"""A thousand looks at mailed links, as scanners take them, change not one row.

`LOOKS=8000` is a thousand at each of the eight.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from sqlalchemy import text

from service.db import Base
from service.runtime import Runtime
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask

LOOKS = int(os.environ.get("LOOKS", "1000"))
METHODS = ("GET", "HEAD", "GET", "OPTIONS")


def contents(runtime: Runtime) -> dict[str, str]:
    """A digest of all that each table holds."""
    found = {}
    with runtime.db.read() as session:
        for name in Base.metadata.tables:
            rows = sorted(
                repr(tuple(row)) for row in session.execute(text(f"SELECT * FROM {name}"))
            )
            found[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def links(resident: Any, runtime: Runtime) -> dict[str, str]:
    """Every link that a letter carries, open, and of each person's own."""
    konak = resident.live()[0]
    resident.send("/sign-in", email="ayse@example.com")
    resident.send("/my/address", email="new@example.com")
    with runtime.db.write() as session:
        ask(session, runtime.vault, Ask("x@example.com", Choices(), "tr", "Rıza", "web", "r"))
    way_out = runtime.vault.token("unsubscribe", 5, resident.id, konak.id)
    return {
        "sign in": f"/sign-in/{resident.link('sign_in', 'sign-in')}",
        "confirm": f"/confirm/{resident.link('confirm', 'confirm')}",
        "unsubscribe": f"/u/{way_out}",
        "unsubscribe from all": f"/u/{way_out}/all",
        "undo": f"/u/{way_out}/undo",
        "move": f"/address/{resident.link('move', 'move')}",
        "stop the move": f"/address/stop/{resident.link('move_asked', 'move-stop')}",
        "manage": "/sign-in",
    }


def test_looking_changes_nothing(resident: Any, app: Any, runtime: Runtime) -> None:
    paths = list(links(resident, runtime).values())
    lookers = [resident.client, app.test_client()]  # signed in, and as a scanner is
    before = contents(runtime)
    assert len(before) > 25
    for number in range(LOOKS):
        turn, which = divmod(number, len(paths))
        path = ("/en" if turn % 3 == 0 else "") + paths[which]
        method = METHODS[turn % len(METHODS)]
        answer = lookers[turn % 5 == 0].open(path, method=method)
        assert answer.status_code in (200, 405), path
    assert contents(runtime) == before
    # They still work: nothing was used up by looking.
    move = next(path for path in paths if path.startswith("/address/"))
    assert app.test_client().post(move).status_code == 200
    assert contents(runtime) != before


def test_looking_at_my_page_changes_nothing(resident: Any, app: Any, runtime: Runtime) -> None:
    konak = resident.live()[0]
    pages = {
        rule.rule.replace("<int:subscription_id>", str(konak.id))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/my") and "GET" in rule.methods
    }
    pages = {page for page in pages if "<" not in page}  # chats: see their own tests
    assert len(pages) >= 8
    before = contents(runtime)
    for path in pages:
        for query in ("", "?done=ended&undo=1", "?done=%00&undo=x", f"?undo={2**70}"):
            for method in ("GET", "HEAD"):
                assert resident.client.open(path + query, method=method).status_code == 200
    assert contents(runtime) == before
