"""An account's settings: `/gateway-config`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from aigw.control.routes import Call, Reply, Route
from aigw.control.shapes import ChangeQuery, Count, Named, Resource, Shown, given, patch_of, stamps
from aigw.settings.durations import BadDuration, format_duration, parse_duration
from aigw.store.errors import Invalid
from aigw.store.patches import GatewayConfigPatch
from aigw.store.records import GatewayConfigRecord

PATH = "/gateway-config"
_DURATIONS = (
    "per_request_timeout",
    "total_timeout",
    "connect_timeout",
    "stream_idle_timeout",
    "stream_total_timeout",
)
_SIZES = ("max_input_tokens", "max_output_tokens")
# For the document: what is wrong with a duration is told by `aigw.settings.durations`, in words.
_PATTERN = r"^([0-9]{1,12}(\.[0-9]{1,9})?(ns|us|µs|μs|ms|s|m|h))+$"

Duration = Annotated[
    str,
    Meta(
        max_length=64,
        description="a Go-style duration above 0s, at most 24h",
        examples=["1m30s"],
        extra_json_schema={"pattern": _PATTERN},
    ),
]


class GatewayConfigBody(Named, kw_only=True):
    """Settings to change. Left out: kept; null: the gateway's own again."""

    per_request_timeout: Duration | UnsetType | None = UNSET
    total_timeout: Duration | UnsetType | None = UNSET
    connect_timeout: Duration | UnsetType | None = UNSET
    stream_idle_timeout: Duration | UnsetType | None = UNSET
    stream_total_timeout: Duration | UnsetType | None = UNSET
    max_input_tokens: Count | UnsetType | None = UNSET
    max_output_tokens: Count | UnsetType | None = UNSET


class Effective(Shown, kw_only=True):
    """What holds for requests of the account: its own settings, else those of the gateway. Null is no cap."""

    per_request_timeout: str
    total_timeout: str
    connect_timeout: str
    stream_idle_timeout: str
    stream_total_timeout: str
    max_input_tokens: int | None
    max_output_tokens: int | None


class GatewayConfig(Resource, kw_only=True):
    """An account's own settings, null where the gateway's hold; `effective` is what holds."""

    per_request_timeout: str | None
    total_timeout: str | None
    connect_timeout: str | None
    stream_idle_timeout: str | None
    stream_total_timeout: str | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    effective: Effective


def _patch(fields: dict[str, Any]) -> GatewayConfigPatch:
    for name in _DURATIONS:
        if (text := fields.get(name)) is not None:
            try:
                fields[name] = parse_duration(text)
            except BadDuration as error:
                raise Invalid(name, str(error)) from None
    return patch_of(GatewayConfigPatch, fields)


def _shown(call: Call, record: GatewayConfigRecord) -> GatewayConfig:
    own: dict[str, Any] = {name: getattr(record.spec, name) for name in (*_DURATIONS, *_SIZES)}
    limits = call.gateway.settings.limits
    effective = {name: getattr(limits, name) if value is None else value for name, value in own.items()}
    stamped = {**stamps(record, PATH), "uri": PATH}
    if not record.revision:
        stamped |= {"created_at": None, "updated_at": None, "created_by": None, "last_updated_by": None}
    return GatewayConfig(**stamped, **_written(own), effective=Effective(**_written(effective)))


def _written(values: dict[str, Any]) -> dict[str, Any]:
    """Durations as they are written."""
    return {
        name: format_duration(value) if name in _DURATIONS and value is not None else value
        for name, value in values.items()
    }


async def _get(call: Call) -> Reply:
    return Reply(_shown(call, await call.store.gateway_configs.get(call.account)))


async def _change(call: Call) -> Reply:
    patch = _patch(given(call.body))
    change = await call.store.gateway_configs.patch(call.account, patch, call.actor, revision=call.revision)
    return Reply(_shown(call, change.record), change.epoch)


ROUTES = (
    Route(method="GET", path=PATH, handle=_get, summary="Get the settings", answer=GatewayConfig),
    Route(
        method="PATCH",
        path=PATH,
        handle=_change,
        summary="Change the settings",
        query=ChangeQuery,
        body=GatewayConfigBody,
        answer=GatewayConfig,
        conditional=True,
        example={"totalTimeout": "3m", "maxOutputTokens": 8192},
    ),
)
