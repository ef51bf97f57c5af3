"""WebSub: the calls that our hub makes, each of which is a delivery.

`calls`: one request to a stranger. `verifying`: did the callback itself ask? `pushing`: a feed as
it is now, to whoever is subscribed; to other hubs that it has changed. `press`: the
feed as a reader would get it. `task`: a batch of any of these.
"""

from workers.websub.task import send_websub_batch

__all__ = ["send_websub_batch"]
