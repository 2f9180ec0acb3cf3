"""What resources of the control API have in common, as types: what is read is checked, what is shown is described by
them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aigw.settings.nouns import PROVIDER_ID
from aigw.store import checks
from aigw.store.patches import Patch
from aigw.store.records import ACCOUNT_ROLE, OPERATOR_ACCOUNT, OPERATOR_ROLE, Record
from aigw.store.specs import Spec

S = TypeVar("S", bound=Spec)
P = TypeVar("P", bound=Patch)

STORE, FILE, GENERATED = "store", "file", "generated"

Name = Annotated[str, Meta(max_length=checks.NAME)]
AccountName = Annotated[str, Meta(min_length=1, max_length=checks.NAME)]
Description = Annotated[str, Meta(max_length=checks.DESCRIPTION)]
Metadata = Annotated[str, Meta(max_length=checks.METADATA)]
Count = Annotated[int, Meta(ge=1, le=checks.WHOLE)]
# The pattern is for the document: the store's own check says what is wrong in words.
ProviderId = Annotated[
    str,
    Meta(
        max_length=255,
        description="lower-case letters, digits and hyphens, as it stands before a model",
        extra_json_schema={"pattern": f"^{PROVIDER_ID}$"},
    ),
]
ModelName = Annotated[str, Meta(min_length=1, max_length=checks.MODEL, description="no white space")]
Moment = Annotated[datetime, Meta(tz=True)]
# A provider key is sent in a header: no line of one is longer in any server.
SecretText = Annotated[str, Meta(min_length=1, max_length=8192, extra_json_schema={"writeOnly": True})]


Role = Annotated[str, Meta(extra_json_schema={"enum": [OPERATOR_ROLE, ACCOUNT_ROLE]})]
Source = Annotated[
    str,
    Meta(
        extra_json_schema={"enum": [STORE, FILE, GENERATED]},
        description="file: declared in aigw.toml; generated: the access key that the gateway made for itself",
    ),
]


class Body(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a caller sends."""


class Named(Body, kw_only=True):
    """What every resource takes. Left out: kept; null: cleared."""

    name: Name | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class Nothing(Body, kw_only=True):
    """An empty object."""


class Shown(msgspec.Struct, rename="camel", kw_only=True):
    """What a caller is shown."""


class Ref(Shown, kw_only=True):
    """A reference to something else; no `uri` where it has none."""

    id: str
    uri: str | None


class NamedRef(Ref, kw_only=True):
    """A reference with the name."""

    name: str


class Resource(Shown, kw_only=True):
    """What every resource shows. What is declared in the configuration (`source` is `file`) has no stamps."""

    id: str
    uri: str
    name: str = ""
    description: str = ""
    metadata: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by: Ref | None = None
    last_updated_by: Ref | None = None
    revision: int = 0
    source: Source = STORE


class Query(Body, kw_only=True):
    """Parameters of a call."""


class ChangeQuery(Query, kw_only=True):
    """Parameters of a change."""

    wait: Annotated[bool, Meta(description="answer when every worker has taken the change over")] = False


class Paging(Query, kw_only=True):
    """Parameters of a list."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 100
    before_id: Annotated[str, Meta(max_length=255, description="the last id of the page before")] | None = None


class Finding(Paging, kw_only=True):
    """Parameters of a list, in which things are looked for by what they are called: exactly so, or not at all."""

    name: Annotated[str, Meta(max_length=checks.NAME, description="only those of exactly this name")] | None = None

    @property
    def where(self) -> dict[str, str]:
        """What is looked for, by the names of a spec's fields."""
        names = [name for name in self.__struct_fields__ if name not in Paging.__struct_fields__]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Problem(Shown, kw_only=True):
    """What an error says."""

    error_code: str
    status_code: int
    msg: str
    details: dict[str, Any]


def given(body: msgspec.Struct) -> dict[str, Any]:
    """The members that a caller sent, by the names of fields."""
    values = {name: getattr(body, name) for name in body.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}


def spec_of(kind: type[S], fields: dict[str, Any]) -> S:
    """A spec of the members sent: null is as good as left out. Raises Invalid."""
    return kind(**{name: value for name, value in fields.items() if value is not None})


def patch_of(kind: type[P], fields: dict[str, Any]) -> P:
    """A patch of the members sent."""
    return kind(**fields)


def stamps(record: Record[Any], path: str) -> dict[str, Any]:
    """What every resource shows, of a record under a path."""
    return {
        "id": record.id,
        "uri": f"{path}/{record.id}",
        "name": record.spec.name,
        "description": record.spec.description,
        "metadata": record.spec.metadata,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "created_by": actor(record.created_by),
        "last_updated_by": actor(record.last_updated_by),
        "revision": record.revision,
    }


def actor(id: str) -> Ref:
    """Who did something: an API key, or the gateway itself."""
    return Ref(id=id, uri=f"/api-keys/{id}" if id.startswith("aiak_") else None)


def account_ref(id: str, name: str) -> NamedRef:
    """A reference to an account; the operators' own is no resource."""
    return NamedRef(id=id, uri=None if id == OPERATOR_ACCOUNT else f"/accounts/{id}", name=name)


def page_type(plural: str, item: Any, name: str = "") -> Any:
    """The type of a page: `{"<plural>":[…],"uri","nextPageUri"}`. `name` is for one whose plural is another's, too."""
    members = [(plural, list[item]), ("uri", str), ("nextPageUri", str | None)]
    says = {"__doc__": "A page of a list, newest first. `nextPageUri` is null at the end."}
    name = name or f"{plural[0].upper()}{plural[1:]}Page"
    return msgspec.defstruct(name, members, kw_only=True, namespace=says)
