"""The servers of a measurement: upstreams, nginx as the proxy to compare with, the gateway with everything on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import attrs

from .asks import ACCESS_KEY, CHAT, PROVIDER_KEY, RAW, SINK, SMALL, STORIES, answer
from .code import Code
from .figures import BenchError
from .processes import children
from .stage import Place, Stage, free_ports

READY_SECONDS = 15.0
LITELLM_READY_SECONDS = 90.0
_SCRIPTS = Path(__file__).resolve().parents[1]
_UPSTREAM = """server { listen 127.0.0.1:%(port)d backlog=4096; default_type application/json;
  location / { return 200 '%(answer)s'; } }"""
_PROXY = """upstream small { server 127.0.0.1:%(small)d; keepalive 2048; keepalive_requests 1000000000; }
 upstream raw { server 127.0.0.1:%(raw)d; keepalive 2048; keepalive_requests 1000000000; }
 upstream sink { server 127.0.0.1:%(sink)d; keepalive 2048; keepalive_requests 1000000000; }
 server { listen 127.0.0.1:%(port)d backlog=4096;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering off;
  location /small/ { proxy_pass http://small; }
  location /sink/ { proxy_pass http://sink; }
  location / { proxy_pass http://raw; } }"""
_NGINX = """%(user)sworker_processes 1; daemon off; pid %(folder)s/%(name)s.pid; error_log stderr error;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http { access_log off; keepalive_requests 1000000000; client_max_body_size 64m; client_body_buffer_size 64k;
 client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy; fastcgi_temp_path %(folder)s/fastcgi;
 uwsgi_temp_path %(folder)s/uwsgi; scgi_temp_path %(folder)s/scgi;
 %(server)s }
"""
_GATEWAY = """[server]
listen = "127.0.0.1:%(port)d"
control = "127.0.0.1:%(control)d"
data_dir = "%(folder)s/data"
drain_timeout = "100ms"
[log]
format = "json"
level = "%(level)s"
[[access_keys]]
name = "bench"
key = "%(key)s"
"""
_PROVIDER = """[providers.%(name)s]
base_url = "http://127.0.0.1:%(port)d/%(name)s/v1"
surfaces = ["%(surface)s"]
models = ["%(name)s"]
keys = ["%(key)s"]
"""
_LITELLM = """model_list:
  - model_name: %(name)s
    litellm_params: {model: "openai/%(name)s", api_base: "http://127.0.0.1:%(port)d/%(name)s/v1", api_key: "%(key)s"}
general_settings: {master_key: "%(access)s"}
litellm_settings: {use_chat_completions_url_for_anthropic_messages: true, num_retries: 0}
"""
# It asks nobody for prices and tells nobody of itself.
_LITELLM_ENVIRON = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "LITELLM_LOG": "ERROR"}


@attrs.frozen
class Server:
    """A server that runs: the process to stop, the id of the one that works, where it listens and what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    pid: int
    port: int
    output: Path
    # What a provider's name does to the path: nginx tells upstreams apart by it, the gateway by the model.
    by_path: bool = True
    # From its start until it answered, in seconds.
    took: float = 0.0

    def path(self, provider: str, surface: str = CHAT) -> str:
        """Where a provider is asked through this server."""
        return f"/{provider}{surface}" if self.by_path else surface

    def url(self, provider: str, surface: str = CHAT) -> str:
        """The same as a URL."""
        return f"http://127.0.0.1:{self.port}{self.path(provider, surface)}"

    def forget_output(self) -> None:
        """Empty what it has printed: a log grows by 15 MB a second."""
        os.truncate(self.output, 0)


class Servers:
    """Starts servers on a stage; the upstreams once, proxies as often as they are needed."""

    def __init__(self, stage: Stage, code: Code) -> None:
        self._stage = stage
        self._code = code
        self._made = 0
        self.small = self._nginx("upstream", Place.LOAD, _UPSTREAM, "/", answer=answer())
        self.raw = self._raw("raw", Place.LOAD)
        # Apart and behind: what is thrown at it must not delay what is measured beside it.
        self.sink = self._raw("sink", Place.BACKGROUND)

    def nginx(self, place: Place = Place.PROXY) -> Server:
        """nginx as a reverse proxy that keeps connections and buffers nothing. Raises BenchError."""
        ports = {"small": self.small.port, "raw": self.raw.port, "sink": self.sink.port}
        return self._nginx("nginx", place, _PROXY, f"/{SMALL}/", **ports)

    def gateway(self, place: Place = Place.PROXY, *, log: bool = True) -> Server:
        """The gateway with access key, custom providers, control listener, metrics, and (or not) its log in a file.

        Raises BenchError.
        """
        name = self._name("aigw")
        port, control = free_ports(2)
        folder, level = self._stage.folder / name, "info" if log else "off"
        text = _GATEWAY % {"port": port, "control": control, "folder": folder, "level": level, "key": ACCESS_KEY}
        text += _provider(SMALL, self.small) + _provider(SINK, self.sink)
        text += "".join(_provider(name, self.raw) for name in RAW)
        text += "".join(_provider(name, self.raw, "messages") for name in STORIES)
        config, output = folder.with_suffix(".toml"), folder.with_suffix(".log")
        config.touch(0o600)
        config.write_text(text)
        began = time.monotonic()
        command = (sys.executable, "-P", "-m", "aigw", "serve", "--config", config)
        process = self._stage.start(command, place, output, environ={"PYTHONPATH": str(self._code.folder)})
        self._stage.await_answer(process, output, control, "/readyz", READY_SECONDS)
        took = time.monotonic() - began
        return Server(name, process, process.pid, port, output, by_path=False, took=took)

    def litellm(self, command: Path, place: Place = Place.PROXY) -> Server:
        """LiteLLM with one worker, an access key, no database, and the small upstream as its only model.

        Its `/v1/messages` asks the upstream's `/v1/chat/completions`, as ours does. Raises BenchError.
        """
        name, (port,) = self._name("litellm"), free_ports(1)
        folder = self._stage.folder / name
        folder.mkdir()
        values = {"name": SMALL, "port": self.small.port, "key": PROVIDER_KEY, "access": ACCESS_KEY}
        config, output = folder.with_suffix(".yaml"), folder.with_suffix(".log")
        config.write_text(_LITELLM % values)
        began = time.monotonic()
        where = ("--host", "127.0.0.1", "--port", str(port))
        environ = {**_LITELLM_ENVIRON, "HOME": str(folder)}
        process = self._stage.start(
            (command, "--config", config, "--num_workers", "1", *where), place, output, environ=environ
        )
        self._stage.await_answer(process, output, port, "/health/liveliness", LITELLM_READY_SECONDS)
        took = time.monotonic() - began
        return Server(name, process, process.pid, port, output, by_path=False, took=took)

    def module(self, name: str, place: Place, output: Path, *arguments: object) -> subprocess.Popen[bytes]:
        """Start another module of this package as a process of its own."""
        command = (sys.executable, "-P", "-m", f"benchmarks.{name}", *map(str, arguments))
        return self._stage.start(command, place, output, environ={"PYTHONPATH": str(_SCRIPTS)})

    def stop(self, *servers: Server) -> None:
        """End proxies."""
        for server in servers:
            self._stage.stop(server.process)

    def _raw(self, kind: str, place: Place) -> Server:
        name, (port,) = self._name(kind), free_ports(1)
        output = self._stage.folder / f"{name}.log"
        process = self.module("upstream", place, output, port)
        self._stage.await_answer(process, output, port, "/sink/", READY_SECONDS)
        return Server(name, process, process.pid, port, output)

    def _nginx(self, kind: str, place: Place, server: str, path: str, **values: object) -> Server:
        name, (port,) = self._name(kind), free_ports(1)
        folder = self._stage.folder / name
        folder.mkdir()
        user = "user root; " if os.geteuid() == 0 else ""
        filled = server % {"port": port, **values}
        text = _NGINX % {"user": user, "folder": folder, "name": name, "server": filled}
        config, output = folder.with_suffix(".conf"), folder.with_suffix(".log")
        config.write_text(text)
        began = time.monotonic()
        process = self._stage.start(("nginx", "-p", folder, "-c", config, "-e", "stderr"), place, output)
        self._stage.await_answer(process, output, port, path, READY_SECONDS)
        took = time.monotonic() - began
        workers = children(process.pid)
        if len(workers) != 1:
            raise BenchError(f"nginx has {len(workers)} workers instead of 1")
        return Server(name, process, workers[0], port, output, took=took)

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}-{self._made}"


def _provider(name: str, upstream: Server, surface: str = "chat-completions") -> str:
    return _PROVIDER % {"name": name, "port": upstream.port, "key": PROVIDER_KEY, "surface": surface}
