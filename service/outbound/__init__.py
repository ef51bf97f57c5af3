"""The one guarded HTTP client: whatever leaves for an address that somebody else named goes here.

`guard`: which addresses may be reached. `session`: how much may come back. `link`: one connection
for many requests. `fetching`: a document.
"""

from service.outbound.deadlines import DEADLINES
from service.outbound.fetching import Fetched, FetchFailed, FetchRefused, fetch, origin_of
from service.outbound.guard import GuardPolicy, is_public
from service.outbound.link import Answer, Link
from service.outbound.retry_after import seconds_asked
from service.outbound.session import Exchange, GuardedSession

__all__ = [
    "DEADLINES",
    "Answer",
    "Exchange",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "GuardPolicy",
    "GuardedSession",
    "Link",
    "fetch",
    "is_public",
    "origin_of",
    "seconds_asked",
]
