"""The words for channels: their services, their states, and how they want to hear."""

from __future__ import annotations

from collections.abc import Set

from flask_babel import LazyString, gettext
from flask_babel import lazy_gettext as _

from service.admin.words import Word
from service.ledger.channel_pause import BY_ITSELF
from service.messages.chat_services import chat_services
from service.models import Channel, Frequency
from service.pages import runtime
from service.subscriptions.channel_options import Options

STATE = {
    "active": Word(_("Active"), "good"),
    "paused": Word(_("Paused by staff"), "warn"),
    "broken": Word(_("Paused itself"), "bad"),
    "keyless": Word(_("Waits for its secret"), "warn"),
}
FREQUENCY: dict[str, tuple[LazyString, LazyString]] = {
    Frequency.INSTANT.value: (_("At once"), _("Each article in a message of its own.")),
    Frequency.DAILY.value: (
        _("Once a day"),
        _(
            "A list in the morning; nothing on a quiet day. Urgent news waits for it too,"
            " unless two of the staff release it."
        ),
    ),
    Frequency.WEEKLY.value: (
        _("Once a week"),
        _("A list of the week. Urgent news waits for it too, unless two of the staff release it."),
    ),
}
_NAMES = {
    "google-chat": "Google Chat",
    "json": "JSON",
    "ntfy": "ntfy",
    "rocketchat": "Rocket.Chat",
    "teams": "Microsoft Teams",
}


def service_of(scheme: str) -> str:
    """The name of the service behind a scheme, as people know it."""
    name, _rules = chat_services(runtime().settings.config_dir).get(scheme, (scheme, None))
    return _NAMES.get(name, name.capitalize())


def state_of(channel: Channel, paused: dict[int, str], keyless: Set[int]) -> Word:
    """Whether it is sent to. `keyless`: the webhooks without a signing secret."""
    if channel.is_paused:
        return STATE["broken"]
    if channel.id in keyless and channel.id not in paused:
        return STATE["keyless"]
    return STATE["paused" if channel.id in paused else "active"]


def reason_of(channel: Channel, paused: dict[int, str]) -> str:
    """Why it is not sent to; that it paused itself is said by its state."""
    return paused[channel.id].removeprefix(BY_ITSELF if channel.is_paused else "")


def hears(options: Options) -> list[str]:
    """How a channel hears, in a few words."""
    said = [str(FREQUENCY[options.frequency.value][0])]
    if options.urgent_only:
        said.append(gettext("urgent news alone"))
    if options.local_only:
        said.append(gettext("without news of the whole city"))
    if options.quiet:
        times = f"{options.quiet_from}–{options.quiet_until}"
        said.append(gettext("quiet %(times)s", times=times))
    return said
