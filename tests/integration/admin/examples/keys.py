"""API keys that are made and revoked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.admin import keys
from service.admin.accounts import ALL_POWERS
from service.db import utcnow
from service.models import Staff
from service.runtime import Runtime
from tests.integration.admin.examples import Example

NEW = {"name": "Rapor", "powers": ["see"], "days": "30"}


def one(runtime: Runtime) -> dict[str, Any]:
    """A key of the first account of the fixtures."""
    with runtime.db.write() as session:
        owner = session.scalars(select(Staff).order_by(Staff.id)).first()
        assert owner is not None
        key, _ = keys.make(
            session,
            runtime.vault,
            owner,
            name="Eski",
            powers=["see"],
            days=1,
            ceiling=ALL_POWERS,
            now=utcnow(),
        )
        return {"key_id": key.id}


EXAMPLES = {
    "api_keys.add": Example("key.add", NEW),
    "api_keys.revoke": Example("key.revoke", prepare=one),
    "admin_keys.add": Example("key.add", {"name": "Rapor", "powers": ["see"], "days": 1}),
    "admin_keys.revoke": Example("key.revoke", prepare=one),
}
