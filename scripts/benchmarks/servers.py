"""The servers of a measurement: upstreams, nginx as the proxy to compare with, the gateway with everything on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import attrs

from .asks import ACCESS_KEY, PROVIDER_KEY, RAW, SINK, SMALL, answer
from .code import Code
from .figures import BenchError
from .processes import children
from .stage import Place, Stage, free_ports

READY_SECONDS = 15.0
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
surfaces = ["chat-completions"]
models = ["%(name)s"]
keys = ["%(key)s"]
"""
_SURFACE = "/v1/chat/completions"


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

    def path(self, provider: str) -> str:
        """Where a provider is asked through this server."""
        return f"/{provider}{_SURFACE}" if self.by_path else _SURFACE

    def url(self, provider: str) -> str:
        """The same as a URL."""
        return f"http://127.0.0.1:{self.port}{self.path(provider)}"

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
        for provider, upstream in ((SMALL, self.small), (SINK, self.sink), *((raw, self.raw) for raw in RAW)):
            text += _PROVIDER % {"name": provider, "port": upstream.port, "key": PROVIDER_KEY}
        config, output = folder.with_suffix(".toml"), folder.with_suffix(".log")
        config.touch(0o600)
        config.write_text(text)
        began = time.monotonic()
        command = (sys.executable, "-P", "-m", "aigw", "serve", "--config", config)
        process = self._stage.start(command, place, output, environ={"PYTHONPATH": str(self._code.folder)})
        self._stage.await_answer(process, output, control, "/readyz", READY_SECONDS)
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
