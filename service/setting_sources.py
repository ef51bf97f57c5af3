"""Where settings come from beside the environment: secret files, the `var` folder, the brand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from service.brand import Brand, BrandError, load_brand

PREFIX = "TELLAL_"
KEYS = ("secret_key", "encryption_key")
RUNNING = "running.json"  # in the var folder while an instance runs there
OF_RUNNING = ("host", "port", "allow_private_hosts")


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and how to mend it."""


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `TELLAL_X_FILE` where `TELLAL_X` is not set: the way containers hand over secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}{field_name.upper()}_FILE names {path}, which cannot be read: "
                f"{error.strerror}."
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(info, name)[0]
            for name, info in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


class VarFolder(PydanticBaseSettingsSource):
    """Reads what `tellal up` left in `var`: the keys it made, and how the instance that runs there
    was started, so that a command in another terminal needs no variable repeated."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        folder = Path(self.current_state.get("var_dir", "var"))
        found: dict[str, Any] = {}
        for name in KEYS:
            try:
                found[name] = (folder / "keys" / name).read_text(encoding="ascii").strip()
            except OSError:
                continue
        try:
            running = json.loads((folder / RUNNING).read_text(encoding="utf-8"))
            found |= {name: running[name] for name in OF_RUNNING if name in running}
        except (OSError, ValueError):
            pass
        return found


class BrandFile(PydanticBaseSettingsSource):
    """Reads the sender's address from `brand.yaml`, where nothing else names one."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        default = self.settings_cls.model_fields["config_dir"].default
        brand = brand_of(Path(self.current_state.get("config_dir", default)).expanduser())
        return {"mail_from": brand.sender.address} if brand.sender.address else {}


def brand_of(folder: Path) -> Brand:
    """The brand that a configuration folder describes.

    Raises:
        SettingsError: its file is malformed.
    """
    try:
        return load_brand(folder)
    except BrandError as error:
        raise SettingsError(str(error)) from error
