"""`aigw conformance`: the kit in front of any gateway, from its arguments to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import orjson
from attrs import frozen

from aigw.conformance.callers import FORMATS, MissingSdk
from aigw.conformance.faults import BY_NAME, CONTROL, FAULTS, Fault
from aigw.conformance.judge import Kind
from aigw.conformance.play import Callers, Case, Played, cases, misplaced, open_callers, play, play_all
from aigw.conformance.report import document, finding, lines
from aigw.sandbox.server import Running, start

GOOD, LIES, USAGE = 0, 1, 2
DEFAULT_MODEL = "sandbox-small"
# Enough to wait for slow faults side by side, few enough for a gateway on a small machine.
AT_ONCE = 8


class Misuse(Exception):
    """The kit cannot begin; the message says why."""


@frozen
class Options:
    """What to test: the gateway's root URL and a key for it, where it reaches the sandbox, and which part."""

    url: str
    upstream: str
    key: str
    listen: tuple[str, int] | None = None
    models: tuple[str, ...] = ()
    formats: tuple[str, ...] = FORMATS
    faults: tuple[str, ...] = ()
    timeout: float = 30.0
    at_once: int = AT_ONCE
    json: bool = False


def run(options: Options) -> int:
    """Test a gateway: 0 when nobody was lied to, 1 on a lie or a hang, 2 when not all could be tested."""
    try:
        with _silent():
            played = asyncio.run(tested(options))
    except (Misuse, MissingSdk) as error:
        print(f"aigw: {error}", file=sys.stderr)
        return USAGE
    if options.json:
        print(orjson.dumps(document(played), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in lines(played, lambda each: each.case.mode):
            print(line)
    return _code(played)


def _code(played: Sequence[Played]) -> int:
    kinds = [each.verdict.kind for each in played]
    if not all(kind.good for kind in kinds):
        return LIES
    if Kind.UNASKED in kinds:
        print(
            f"aigw: {kinds.count(Kind.UNASKED)} calls did not reach the sandbox: the gateway leaves its upstream alone."
            " Switch its cooldowns and circuit breakers off for the test.",
            file=sys.stderr,
        )
        return USAGE
    return GOOD


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without what SDKs log of each call that fails, as nearly all of these do, and warn of in themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


async def tested(options: Options) -> list[Played]:
    """Every case. Raises Misuse, MissingSdk."""
    host, port = options.listen or address_of(options.upstream)
    unknown = [format for format in options.formats if format not in FORMATS]
    if unknown:
        raise Misuse(f"--format {unknown[0]}: there are {', '.join(FORMATS)}")
    models = models_of(options.models, options.formats)
    faults = faults_of(options.faults)
    callers = open_callers(options.url, options.key, options.timeout, options.formats)
    try:
        sandbox = await start(host, port)
    except OSError as error:
        await callers.close()
        raise Misuse(f"cannot listen on {host}:{port} (--listen): {error}") from None
    async with sandbox:
        try:
            await _controlled(models, sandbox, callers)
            return await _played(cases(models, faults), sandbox, callers, options)
        finally:
            await callers.close()


async def _controlled(models: Sequence[tuple[str, str]], sandbox: Running, callers: Callers) -> None:
    """Raises Misuse when a call without any fault does not reach the sandbox and come back."""
    for case in cases(models, [BY_NAME[CONTROL]], ["stream"]):
        control = await play(case, sandbox, callers.ask, again=1)
        wrong = misplaced(control)
        if wrong is not None:
            raise Misuse(
                f"{case.format}: a call without any fault, to the model {case.model}, did not go well: {wrong}\n"
                f"The gateway must reach {sandbox.base_url} as its upstream, know the model"
                f" (--model {case.format}=NAME) and take the key (--key); --format leaves formats out."
            )


async def _played(wanted: Sequence[Case], sandbox: Running, callers: Callers, options: Options) -> list[Played]:
    played: list[Played] = []
    shown = sys.stderr.isatty()
    async for each in play_all(wanted, sandbox, callers.ask, options.at_once):
        played.append(each)
        if shown:
            print(f"\r{len(played)} of {len(wanted)}", end="", file=sys.stderr, flush=True)
            if not each.verdict.kind.good:
                print(f"\r{finding(each)}", file=sys.stderr)
    if shown:
        print("\r", end="", file=sys.stderr)
    order = {id(case): number for number, case in enumerate(wanted)}
    return sorted(played, key=lambda each: order[id(each.case)])


def address_of(upstream: str) -> tuple[str, int]:
    """Where to listen so that a base URL leads here. Raises Misuse."""
    parts = urlsplit(upstream)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or host is None or port is None:
        raise Misuse(f"--upstream {upstream}: write http://HOST:PORT, the address under which the gateway reaches us")
    return host, port


def models_of(given: Iterable[str], formats: Iterable[str]) -> list[tuple[str, str]]:
    """(format, model): what `--model NAME` and `--model FORMAT=NAME` say. Raises Misuse."""
    models = dict.fromkeys(formats, DEFAULT_MODEL)
    for each in sorted(given, key=lambda each: each.partition("=")[0] in FORMATS):
        format, equals, name = each.partition("=")
        if equals and format in FORMATS:
            models |= {format: name} if format in models else {}
        else:
            models |= dict.fromkeys(models, each)
    if not all(models.values()):
        raise Misuse("--model: write NAME or FORMAT=NAME")
    return list(models.items())


def faults_of(names: Iterable[str]) -> list[Fault]:
    """The faults of these names, after the case without any; all of them without a name. Raises Misuse."""
    wanted = list(names)
    unknown = [name for name in wanted if name not in BY_NAME]
    if unknown:
        raise Misuse(f"--fault {unknown[0]}: there are {', '.join(BY_NAME)}")
    return [each for each in FAULTS if not wanted or each.name in wanted or each.name == CONTROL]
