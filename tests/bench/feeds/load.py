"""Requests a second, by wrk: one thread and eight connections that stay open."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HOST = "127.0.0.1"
CONNECTIONS = 8  # as many as the server has threads
_RATE = re.compile(r"Requests/sec:\s*([0-9.]+)")
# Three topics and two districts, each time others: half a million of them, each in canonical form.
_COLD = """
local topics, places = {topics}, {places}
local function some(of, count)
  local taken, found = {{}}, {{}}
  while #found < count do
    local place = math.random(#of)
    if not taken[place] then taken[place] = true; found[#found + 1] = of[place] end
  end
  table.sort(found)
  return table.concat(found, "+")
end
math.randomseed(os.time())
request = function()
  return wrk.format("GET", "/feeds/" .. some(topics, 3) .. "@" .. some(places, 2) .. ".atom")
end
"""


def rate(
    port: int, path: str, seconds: int, headers: Mapping[str, str], script: Path | None = None
) -> float:
    """How many answers a second came, none of them an error."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(script)]
    command.append(f"http://{HOST}:{port}{path}")
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = _RATE.search(said)
    assert found, said
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    return float(found[1])


def cold_script(folder: Path, topics: Sequence[str], places: Sequence[str]) -> Path:
    """What makes wrk ask for combinations that nobody asked for before."""
    path = folder / "cold.lua"
    path.write_text(_COLD.format(topics=_table(topics), places=_table(places)), encoding="utf-8")
    return path


def _table(names: Sequence[str]) -> str:
    """Names as a table of Lua."""
    return "{" + ", ".join(f'"{name}"' for name in names) + "}"


class Reader:
    """Asks one after the other, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=30)

    def get(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        asked = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers={"Accept-Encoding": "identity", **asked})
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def close(self) -> None:
        self._connection.close()
