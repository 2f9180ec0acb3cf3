"""TLS to upstreams: the system's trust store, and session resumption, which asyncio has no parameter for."""

from __future__ import annotations

import ssl
from typing import Any

# Hosts whose last session is kept; beyond that the oldest goes (a session is about 2 KiB).
MAX_SESSIONS = 256


class ResumingContext(ssl.SSLContext):
    """A client context that offers the last session of a host when it connects there again (RFC 8446, 2.2)."""

    _sessions: dict[str, ssl.SSLSession]

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As in SSLContext; called by the event loop for each connection."""
        host = kwargs.get("server_hostname")
        if kwargs.get("session") is None and host is not None:
            kwargs["session"] = self.__dict__.setdefault("_sessions", {}).get(host)
        return super().wrap_bio(incoming, outgoing, *args, **kwargs)

    def keep_session(self, host: str, connected: ssl.SSLObject) -> None:
        """Remember the session of a connection that has got its tickets (after the first answer)."""
        session = connected.session
        sessions = self.__dict__.setdefault("_sessions", {})
        if session is None or not session.has_ticket:
            return
        sessions.pop(host, None)
        sessions[host] = session
        if len(sessions) > MAX_SESSIONS:
            del sessions[next(iter(sessions))]


def ended(connected: ssl.SSLObject) -> bool:
    """Whether the other side has ended TLS itself (RFC 8446, section 6.1), not only the connection below it."""
    try:
        return not connected.read(1)
    except ssl.SSLError:
        return False


def client_context(ca_file: str | None = None) -> ResumingContext:
    """A verifying context. `ca_file` adds the operator's own authorities to the system's."""
    context = ResumingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
