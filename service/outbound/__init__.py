"""The one guarded HTTP client: whatever leaves for an address that somebody else named goes here.

`guard` says which addresses may be reached, `session` bounds what comes back, `fetching` gets a page.
"""

from service.outbound.fetching import Fetched, FetchFailed, FetchRefused, fetch, origin_of
from service.outbound.guard import GuardPolicy, is_public
from service.outbound.session import Exchange, GuardedSession

__all__ = [
    "Exchange",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "GuardPolicy",
    "GuardedSession",
    "fetch",
    "is_public",
    "origin_of",
]
