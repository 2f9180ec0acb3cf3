"""`aigw serve`: the first start made easy (an access key, a sandbox), sockets, signals, one process or many."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import string
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import attrs
import structlog

from aigw import __version__, app, compose, listen
from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Settings

KEY_FILE = "access-key"
# 40 characters of 62 hold 238 bits.
KEY_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits


@attrs.frozen
class Start:
    """What a first start added to the settings: an access key of its own, the sandbox's address."""

    made_key: AccessKeySettings | None
    sandbox_url: str | None

    @property
    def extra_keys(self) -> tuple[AccessKeySettings, ...]:
        """The made key, if any."""
        return (self.made_key,) if self.made_key else ()


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def serve(settings: Settings) -> int:
    """Run the gateway until SIGTERM or SIGINT."""
    app.require_c_parser()
    if settings.server.workers > 1:
        from aigw.supervisor import supervise

        return run(supervise(settings))
    return run(_serve_one(settings))


async def _serve_one(settings: Settings) -> int:
    stopped = stop_event()
    inherited = listen.inherited(os.environ)
    data = inherited.get("data") or listen.open_socket(settings.server.listen, "server.listen")
    control = inherited.get("control")
    if control is None and settings.server.control is not None:
        control = listen.open_socket(settings.server.control, "server.control")
    sandbox = await start_sandbox() if compose.needs_sandbox(settings) else None
    begun = Start(own_key(settings), sandbox.base_url if sandbox else None)
    process = await app.start(settings, extra_keys=begun.extra_keys, sandbox_url=begun.sandbox_url)
    if control is not None:
        await process.listen_control(control)
    await process.listen(data)
    announce(settings, begun, listen.shown(data), listen.shown(control) if control else None)
    await stopped.wait()
    structlog.get_logger().info("draining", in_flight=process.gateway.in_flight)
    await process.stop()
    if sandbox is not None:
        await sandbox.stop()
    return 0


def stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            os._exit(1)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    return stopped


async def start_sandbox(host: str = "127.0.0.1", port: int = 0) -> Any:
    """The provider simulator, in this process. Raises ConfigError when its port is taken."""
    from aigw.sandbox import server

    try:
        return await server.start(host, port)
    except OSError as exc:
        raise ConfigError(f"the sandbox cannot listen on {host}:{port}: {exc.strerror or exc}") from None


def serve_sandbox(host: str, port: int) -> int:
    """`aigw sandbox`: the simulator alone until a signal."""

    async def main() -> int:
        stopped = stop_event()
        sandbox = await start_sandbox(host, port)
        print(f"sandbox provider on {sandbox.base_url} (OpenAI and Anthropic: /v1, Gemini: /v1beta)", flush=True)
        await stopped.wait()
        await sandbox.stop()
        return 0

    return run(main())


def own_key(settings: Settings) -> AccessKeySettings | None:
    """An access key for a gateway that none was declared for; kept in data_dir, so that a restart keeps it."""
    if settings.access_keys:
        return None
    directory = settings.server.data_dir
    path = directory / KEY_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = path.read_text("ascii").strip() if path.exists() else _make_key(path)
    except OSError as exc:
        raise ConfigError(
            f"server.data_dir: the generated access key cannot be kept in {path}: {exc.strerror or exc}."
            " Choose another directory, or declare a key (AIGW_ACCESS_KEY)."
        ) from None
    try:
        return AccessKeySettings(name="generated", key=Secret(token))
    except (ConfigError, ValueError):
        raise ConfigError(f"{path} does not hold an access key: delete it, and a new one is made.") from None


def _make_key(path: Path) -> str:
    token = "aigw-" + "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def announce(settings: Settings, begun: Start, data: str, control: str | None) -> None:
    """Tell the operator that it runs: a log line, and for a first start a page of how to call it."""
    structlog.get_logger().info(
        "started", version=__version__, listen=data, control=control or "off", config=settings.source
    )
    if begun.made_key is not None or begun.sandbox_url is not None:
        print(welcome(settings, begun, data, control), file=sys.stderr, flush=True)


def welcome(settings: Settings, begun: Start, data: str, control: str | None) -> str:
    """How to call this gateway, ready to paste."""
    key = begun.made_key.key.reveal() if begun.made_key else "$AIGW_ACCESS_KEY"
    model = "sandbox-small" if begun.sandbox_url else "gpt-4o-mini"
    base = data if data.startswith("http") else "http://localhost"
    base = base.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//127.0.0.1:")
    through = "" if data.startswith("http") else f" --unix-socket {data.removeprefix('unix:')}"
    lines = [
        "",
        f"  aigw {__version__} is ready.",
        f"  data plane     {data}",
        f"  health         {control}/readyz" if control else "  health         off",
        f"  access key     {key}",
    ]
    if begun.sandbox_url:
        lines.append("  provider       sandbox (no provider key was found; set OPENAI_API_KEY or another and restart)")
    body = f'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Say hello"}}]}}'
    lines += [
        "",
        "  Stream a chat:",
        f"    curl -N{through} {base}/v1/chat/completions -H 'authorization: Bearer {key}' \\",
        f"      -H 'content-type: application/json' -d '{body}'",
        "",
        "  Python, OpenAI SDK:",
        f'    OpenAI(base_url="{base}/v1", api_key="{key}")',
        "  Python, Anthropic SDK:",
        f'    Anthropic(base_url="{base}", api_key="{key}")',
        "  Python, Google SDK:",
        f'    genai.Client(api_key="{key}", http_options={{"base_url": "{base}"}})',
        "",
    ]
    return "\n".join(lines)
