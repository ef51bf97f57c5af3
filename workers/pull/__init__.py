"""Pull mode: what a source's own listing has, for sources that cannot push or whose push was lost.

`site`: one politely asked site. `task`: one poll.
"""

from workers.pull.task import poll_source

__all__ = ["poll_source"]
