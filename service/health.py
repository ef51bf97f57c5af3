"""Health: is the process alive, and can it do its work?"""

from __future__ import annotations

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from service import migrations

health = APIBlueprint("health", __name__, url_prefix="/health", tag="Health")


@health.get("/live")
@health.doc(summary="Is the process alive?", responses={200: "Alive."})
def live() -> Response:
    """Answer without looking at anything else."""
    return jsonify(status="live")


@health.get("/ready")
@health.doc(
    summary="Can it take articles?",
    responses={200: "Ready.", 503: "Not ready; says why."},
)
def ready() -> tuple[Response, int]:
    """Ready means: the database answers and has every migration.

    Redis is not asked for: without it the door still takes articles, and the sweeper works.
    """
    db = current_app.extensions["tellal"].db
    try:
        with db.read() as session:
            session.execute(text("SELECT 1"))
        if not migrations.is_current(db):
            return jsonify(status="not ready", reason="migrations are missing"), 503
    except SQLAlchemyError:
        return jsonify(status="not ready", reason="the database does not answer"), 503
    return jsonify(status="ready"), 200


def register(app: APIFlask) -> None:
    """Add the health routes."""
    app.register_blueprint(health)
