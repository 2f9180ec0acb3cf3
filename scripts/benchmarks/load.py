"""wrk as the caller: what it is told, and what it says afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

from .asks import ACCESS_KEY
from .figures import BenchError
from .stage import Place, Stage

# Printed by wrk itself, in whole microseconds; its own summary rounds.
_SCRIPT = """
local file = assert(io.open("{body}", "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{{"requests":%d,"microseconds":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d}}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""
# An answer may take this much longer than the lap; then something hangs.
_GRACE_SECONDS = 15.0
# An answer after this is a failure (wrk's own 2 s are less than some servers take for it under load).
_ANSWER_SECONDS = 10


@attrs.frozen
class Tally:
    """What wrk saw in one lap: requests answered, seconds it took, latency in microseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def parse(output: str) -> Tally:
    """The line that the script makes wrk print. Raises BenchError when requests failed or there were none."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise BenchError(f"wrk told nothing: {output.strip()[-300:]}")
    told = json.loads(lines[-1])
    if told["refused"] or told["broken"]:
        raise BenchError(
            f"of {told['requests']} requests {told['refused']} were answered with an error and {told['broken']} failed"
        )
    if not told["requests"] or not told["microseconds"]:
        raise BenchError("no request was answered")
    return Tally(told["requests"], told["microseconds"] / 1e6, told["p50"], told["p99"])


def script(folder: Path, name: str, body: bytes) -> Path:
    """A script for wrk that sends this body with the access key; the path to give to `run`."""
    content, lua = folder / f"{name}.body", folder / f"{name}.lua"
    content.write_bytes(body)
    lua.write_text(_SCRIPT.format(body=content, key=ACCESS_KEY))
    return lua


def run(stage: Stage, lua: Path, url: str, connections: int, seconds: float) -> Tally:
    """One lap on so many connections. Raises BenchError."""
    # wrk takes whole seconds only; told to stop early it still sums up, with the time that it really took.
    whole = round(seconds + _GRACE_SECONDS)
    limits = (f"--duration={whole}s", f"--timeout={_ANSWER_SECONDS}s")
    command = ("wrk", "--threads=1", f"--connections={connections}", *limits, f"--script={lua}", url)
    return parse(stage.interrupted(command, Place.LOAD, seconds, _GRACE_SECONDS))
