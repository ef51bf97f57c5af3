"""The door: how an article enters, verified, cleaned and stored before it is answered."""

from apiflask import APIFlask

from service.ingest.documented import describe_door
from service.ingest.routes import door

__all__ = ["register"]


def register(app: APIFlask) -> None:
    """Open the door."""
    app.register_blueprint(door)
    app.spec_processor(describe_door)  # type: ignore[arg-type]
