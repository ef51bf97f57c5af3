"""The classifier in use: the terms of the staff, the places, and the active model if any."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify import Classifier, PlaceRules
from service.classify import Topic as TopicTerms
from service.classify.model import Model
from service.classify.store import ModelFileError, load
from service.learning.versions import active_id
from service.logs import get_logger
from service.models import ModelVersion, Topic
from service.settings import Settings
from service.taxonomy import terms_of
from service.taxonomy.places import place_rules

log = get_logger(__name__)


def current_classifier(session: Session, settings: Settings) -> Classifier:
    """What articles are classified by now; compiled once for each version of terms and model."""
    topics = session.scalars(select(Topic).order_by(Topic.position)).all()
    terms = tuple(terms_of(topic) for topic in topics)
    rules = place_rules(session, settings.config_dir)
    return _compiled(terms, rules, active_model(session))


def active_model(session: Session) -> Model | None:
    """The model in use. One that cannot be read is an alarm and no more: terms do without it."""
    model_id = active_id(session)
    if model_id is None:
        return None
    try:
        return model_of(session, model_id)
    except ModelFileError as error:
        log.error("model in use is unreadable, terms alone", model_id=model_id, reason=str(error))
        return None


def model_of(session: Session, model_id: int) -> Model:
    """One stored model, read once a process.

    Raises:
        ModelFileError: what is stored is no model.
    """
    fingerprint = session.scalars(
        select(ModelVersion.fingerprint).where(ModelVersion.id == model_id)
    ).one()
    model = _models.get(fingerprint)
    if model is None:
        model = load(
            session.scalars(select(ModelVersion.content).where(ModelVersion.id == model_id)).one()
        )
        _models.clear()  # one at a time is in use
        _models[fingerprint] = model
    return model


# By what names the content: another database has other models under the same numbers. Other
# threads may clear it at any moment, so what was found is held by a name of one's own.
_models: dict[str, Model] = {}


@lru_cache(maxsize=2)
def _compiled(
    topics: tuple[TopicTerms, ...], places: PlaceRules, model: Model | None
) -> Classifier:
    return Classifier(topics, places, model=model)
