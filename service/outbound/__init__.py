"""The one guarded HTTP client: whatever leaves for an address that somebody else named goes here.

`guard`: which addresses may be reached. `session`: how much may come back. `fetching`: a document.
"""

from service.outbound.deadlines import DEADLINES
from service.outbound.fetching import Fetched, FetchFailed, FetchRefused, fetch, origin_of
from service.outbound.guard import GuardPolicy, is_public
from service.outbound.retry_after import seconds_asked
from service.outbound.session import REFUSALS, Exchange, GuardedSession

__all__ = [
    "DEADLINES",
    "REFUSALS",
    "Exchange",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "GuardPolicy",
    "GuardedSession",
    "fetch",
    "is_public",
    "origin_of",
    "seconds_asked",
]
