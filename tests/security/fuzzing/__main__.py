"""Fuzz all parsers, or those that are named, for so many seconds; exit code 1 when a promise was broken.

With atheris installed (`pip install atheris`) coverage leads the way, one process per target; without it the seeds are
broken at random, which finds most of what there is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from random import Random

SEED_BYTES = 4


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Fuzz the parsers of the gateway.")
    parser.add_argument("seconds", nargs="?", type=float, default=60.0, help="for all targets together (default 60)")
    parser.add_argument("--only", default="", metavar="NAME,…", help="these targets")
    parser.add_argument("--plain", action="store_true", help="without atheris, even where it is installed")
    parser.add_argument("--seed", default="", help="of the random numbers; without one every run is another")
    parser.add_argument("--list", action="store_true", help="list the targets and stop")
    parser.add_argument("--guided", default="", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.guided:
        return guided(options.guided, options.seconds)
    from .targets import TARGETS

    names = options.only.split(",") if options.only else list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; --list shows them")
    if options.list:
        print(*TARGETS, sep="\n")
        return 0
    atheris = not options.plain and find_spec("atheris") is not None
    print("guided by coverage" if atheris else "broken seeds (atheris is not installed or not wanted)")
    share = options.seconds / len(names)
    failed = [name for name in names if (_led(name, share) if atheris else _plain(name, share, options.seed))]
    print(f"{len(names)} targets, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def _plain(name: str, seconds: float, seed: str) -> bool:
    from .targets import TARGETS

    target, end, number = TARGETS[name], time.monotonic() + seconds, 0
    seed = seed or str(time.time_ns())
    while time.monotonic() < end:
        number += 1
        chance = Random(f"{seed}{name}{number}")
        data = target.broken(chance)
        try:
            target.look(data, chance)
        except Exception:
            traceback.print_exc()
            print(f"{name}: run {number} of --seed {seed}, the bytes: {data!r}", file=sys.stderr)
            return True
    print(f"{name:20} {number:9,} runs")
    return False


def _led(name: str, seconds: float) -> bool:
    """A process of its own: libFuzzer ends the one it runs in."""
    command = [sys.executable, "-m", __package__ or "", str(seconds), "--guided", name]
    with tempfile.TemporaryFile() as told:
        code = subprocess.run(command, check=False, stdout=told, stderr=told).returncode
        told.seek(0)
        words = told.read().decode(errors="replace")
    if code:
        print(words, file=sys.stderr)
    else:
        print(f"{name:20} {([line for line in words.splitlines() if line.startswith('Done')] or [''])[-1]}")
    return code != 0


def guided(name: str, seconds: float) -> int:
    """Fuzz one target with atheris. The first bytes of an input are the seed of what is chosen by chance."""
    import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

    with atheris.instrument_imports(include=["aigw"]):
        from .targets import TARGETS
    target = TARGETS[name]

    def look(data: bytes) -> None:
        chance = Random(data[:SEED_BYTES])
        rest = data[SEED_BYTES:]
        target.look(rest, chance)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return (data[:SEED_BYTES] + target.alter(data[SEED_BYTES:], chance))[:most]

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(bytes(SEED_BYTES) + seed)
        words = [f"-max_total_time={max(int(seconds), 1)}", "-max_len=8192", "-timeout=10", "-print_final_stats=0"]
        atheris.Setup(
            [sys.argv[0], *words, f"-artifact_prefix={tempfile.gettempdir()}/", corpus], look, custom_mutator=mutate
        )
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
