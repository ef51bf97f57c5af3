"""The one guarded HTTP client: whatever leaves for an address that somebody else named goes here.

`guard`: which addresses may be reached. `session`: how much may come back. `fetching`: a document.
`turns`: that one site which is slow does not hold up the others.
"""

from service.outbound.fetching import Fetched, FetchFailed, FetchRefused, fetch, origin_of
from service.outbound.guard import GuardPolicy, is_public
from service.outbound.session import Exchange, GuardedSession
from service.outbound.turns import NotNow, Turn, Turns

__all__ = [
    "Exchange",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "GuardPolicy",
    "GuardedSession",
    "NotNow",
    "Turn",
    "Turns",
    "fetch",
    "is_public",
    "origin_of",
]
