"""What one request is answered: its faults, its key, then its surface. Nothing is written here."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from attrs import evolve, frozen

from . import forms, routes
from .coding import decoded
from .errors import Dialect, Problem, Refused, asked_for
from .faults import CALM, HEADER, Faults, parse, split
from .reply import Call, House, Reply
from .said import Said

_FAILING_KEY = re.compile(r"fail-(\d{3})")
_CREDENTIAL_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")
# Where a redirect fault points: on the sandbox itself, so that following it would be seen.
_REDIRECTED = "/redirected"


@frozen
class Arrived:
    """A request off the wire: path as written, with its query; headers by lower-case name; raw body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@frozen
class Verdict:
    """What is to be written: the reply, the faults on its way, the headers every answer of this API has.

    `said` is told how much of the reply went out.
    """

    reply: Reply
    faults: Faults
    around: tuple[tuple[str, str], ...]
    said: Said


def decide(arrived: Arrived, house: House) -> Verdict:
    """Answer a request; whatever is wrong with it becomes an error reply in the API's own shape."""
    path, _, query = arrived.path.partition("?")
    route = routes.find(arrived.method, path, arrived.headers)
    request_id = house.mint_hex("req_", 32)
    faults = CALM
    try:
        form = _form(arrived)
        model, listed = split(_model(route.model or form.fields.get("model")))
        asked = dict(parse_qsl(query))
        model, listed = (model, listed) if model else split(asked.get("model", ""))
        faults = parse(arrived.headers.get(HEADER, listed))
        _admit(arrived.headers, asked, faults, route.dialect)
        call = Call(
            model=model,
            body=form.fields,
            faults=faults,
            house=house,
            target=route.target,
            query=asked,
            headers=arrived.headers,
            files=form.files,
        )
        reply = _asked(route, call)
        if faults.status is not None:
            reply = evolve(reply, status=faults.status)
        if faults.error_first or faults.error_mid is not None or faults.bare_error is not None:
            # Of a plain answer nothing but the error is left; a stream tells it in its own place.
            script = reply.script if reply.events is not None else None
            reply = evolve(reply, script=script, body=route.dialect.error(asked_for(faults.error_status), request_id))
    except Refused as refusal:
        reply = _refusal(refusal.problem, route.dialect, request_id)
    around = ((route.dialect.request_id, request_id), *route.dialect.headers)
    return Verdict(reply, faults, around, Said(reply.script, reply.counted))


def _form(arrived: Arrived) -> forms.Form:
    body = decoded(arrived.body, arrived.headers.get("content-encoding", ""))
    return forms.read(body, arrived.headers.get("content-type", ""))


def _model(model: object) -> str:
    if model is None or isinstance(model, str):
        return model or ""
    raise Refused(400, "Invalid type for 'model': expected a string.", "invalid_type", "model")


def _admit(headers: Mapping[str, str], asked: Mapping[str, str], faults: Faults, dialect: Dialect) -> None:
    """Look at the credential, then at the status the faults ask for. Raises Refused with that status."""
    key = _credential(headers, asked)
    failing = _FAILING_KEY.search(key)
    if "bad-key" in key or (faults.need_key and not key):
        raise Refused(401, dialect.bad_key)
    status = int(failing[1]) if failing else faults.status
    if status == 401:
        raise Refused(401, dialect.bad_key)
    if status is not None and status >= 300:
        raise Refused(status, asked_for(status).message)


def _credential(headers: Mapping[str, str], asked: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return next((headers[name] for name in _CREDENTIAL_HEADERS if headers.get(name)), asked.get("key", ""))


def _asked(route: routes.Route, call: Call) -> Reply:
    try:
        return route.answer(call)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Surfaces read what they need and no more; a body of another shape stumbles somewhere inside them.
        raise Refused(400, f"A field of the body has the wrong type: {error}", "invalid_type") from error


def _refusal(problem: Problem, dialect: Dialect, request_id: str) -> Reply:
    redirect = HTTPStatus.MULTIPLE_CHOICES <= problem.status < HTTPStatus.BAD_REQUEST
    headers = (("location", _REDIRECTED),) if redirect else ()
    return Reply(body=dialect.error(problem, request_id), status=problem.status, headers=headers)
