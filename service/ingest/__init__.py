"""The door: how an article enters, verified, cleaned and stored before it is answered."""

from apiflask import APIFlask

from service.ingest.presets import PresetError, load_presets
from service.ingest.routes import PRESETS, SHORT_WAY, door
from service.ingest.shortway import ShortWay
from service.runtime import Runtime
from service.setting_sources import SettingsError

__all__ = ["register"]


def register(app: APIFlask) -> None:
    """Open the door.

    Raises:
        SettingsError: a preset has mistakes; each is named.
    """
    runtime: Runtime = app.extensions["tellal"]
    settings = runtime.settings
    try:
        app.extensions[PRESETS] = load_presets(settings.config_dir / "presets")
    except PresetError as error:
        raise SettingsError(str(error)) from error
    app.extensions[SHORT_WAY] = ShortWay(runtime, app.extensions[PRESETS])
    app.register_blueprint(door)
