"""curl: compression on the way, which `tests/integration/feeds` looks at byte by byte."""

from __future__ import annotations

from contextlib import closing

from tests.integration.feeds.readers.city import KEY
from tests.integration.feeds.readers.curl import Curl


def test_what_comes_compressed_is_the_same(url, city, client, tmp_path, recorder):
    for _ in range(3):
        city.publish()
    recorder.take()

    with closing(Curl(url, tmp_path)) as reader:
        reader.poll()
        passed = {one.format: one for one in recorder.take()}
        for suffix in reader.formats:
            plain = client.get(f"/feeds/{KEY}.{suffix}").data
            assert (tmp_path / "curl" / f"feed.{suffix}").read_bytes() == plain
            assert passed[suffix].encoding in ("gzip", "br")
            assert passed[suffix].length < len(plain)
