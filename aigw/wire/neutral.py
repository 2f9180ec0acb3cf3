"""A conversation in no dialect: what every format's request and answer is read into and written from.

A request is a `Conversation`: turns of parts, tools, settings. An answer is an `Answer`: candidates of parts, a stop
and a usage. A stream is the same in deltas (`deltas.py`).

Rules that every reader keeps, so that every writer can rely on them:

- `at` is the JSON pointer (RFC 6901) of the thing in the caller's request, empty for what has no place there. The
  ledger names it when something cannot be carried.
- None is "not said"; a format's default is never filled in by a reader.
- `own` holds the members that only the reader's format has, by name and verbatim; `Conversation.own_format` says
  which format that is. The same format writes them back, another one reports them.
- What was text stays the same text: arguments of tools are the JSON text as it came, base64 is never re-encoded.
- Results of tools stand in turns of the role `tool`, whatever turn the dialect puts them into.
- Structs, not attrs classes: thousands are made per request and one per token of a stream.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from aigw.wire.shapes import Usage

Role = Literal["system", "developer", "user", "assistant", "tool"]
MediaKind = Literal["image", "audio", "video", "document"]


class CacheMark(msgspec.Struct, frozen=True):
    """The prompt up to and including this part (or tool) is worth caching; `ttl` is `5m`, `1h`, None for the usual.

    `at` is the pointer of the mark where that is not the member `cache_control` of what it stands on.
    """

    ttl: str | None = None
    at: str = ""


class Source(msgspec.Struct, frozen=True):
    """Where media come from. Exactly one of `url`, `data` (base64), `file_id` (a provider's own), `text` is set."""

    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    text: str | None = None
    media_type: str | None = None


class Part(msgspec.Struct, kw_only=True):
    """What all parts have: a place, a cache mark, members of the reader's own format."""

    at: str = ""
    cache: CacheMark | None = None
    own: dict[str, Any] | None = None


class Citation(msgspec.Struct, kw_only=True):
    """What a text rests on.

    `kind` is `url` (a web page), `file` (a stored file), or `document` (part of the prompt). `start` and `end` are
    characters of the *answer's* text part, half open. `cited` is the passage quoted. Everything else about where in a
    document it was found stays in `own`.
    """

    kind: Literal["url", "file", "document"]
    url: str | None = None
    title: str | None = None
    cited: str | None = None
    start: int | None = None
    end: int | None = None
    document: int | None = None
    file_id: str | None = None
    own: dict[str, Any] | None = None


class Logprob(msgspec.Struct, kw_only=True):
    """One token and how likely it was; `bytes` are its UTF-8 bytes where they are told; `top` are the alternatives."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top: list[Logprob] | None = None


class Text(Part):
    """Plain text."""

    text: str
    citations: list[Citation] | None = None
    logprobs: list[Logprob] | None = None


class Refusal(Part):
    """Why the model will not answer, in its own words."""

    text: str
    logprobs: list[Logprob] | None = None


class Media(Part):
    """An image, a sound, a video or a document (PDF, plain text …).

    `detail` is how closely an image is looked at (`auto`, `low`, `high`). `context` and `cited` (whether citations are
    wanted) are said of documents. `name` is a file name or a title. `transcript` is what a sound says.
    """

    kind: MediaKind
    source: Source
    name: str | None = None
    detail: str | None = None
    context: str | None = None
    cited: bool | None = None
    id: str | None = None
    transcript: str | None = None


class Thinking(Part):
    """Reasoning of a model, and the seal by which its maker knows it again.

    `signature` is what the maker wants back byte for byte: a signature over `text`, or the encrypted reasoning itself
    (then `redacted` is true where the format shows no text at all). `maker` is the id of the provider it belongs to;
    a format's name stands for a maker that is not known (an unsealed signature of a caller). `bound` says that it
    belongs to the part that follows (Gemini's signatures stand on text and function calls): it has no text then.
    `id` is the maker's name for the item (Responses). `summary`: the text is a summary, in paragraphs.
    """

    text: str = ""
    signature: str | None = None
    maker: str = ""
    redacted: bool = False
    bound: bool = False
    id: str | None = None
    summary: bool = False


class ToolCall(Part):
    """The model calls a tool. `arguments` is JSON text as it came; of a `custom` tool it is free text."""

    id: str
    name: str
    arguments: str
    custom: bool = False


class Structured(Part):
    """A JSON value as a tool's result where the format has them (Gemini); `value` is its text."""

    value: str


class ToolResult(Part):
    """What a tool returned: parts (Text, Structured, Media). `name` is the tool's where it is told.

    `failed`: the tool reports an error. `custom`: it answers a call of a custom tool.
    """

    call_id: str
    parts: list[Part]
    name: str | None = None
    failed: bool | None = None
    custom: bool = False


class ServerToolCall(Part):
    """The provider calls a tool of its own. `name` in our words: `web_search`, `web_fetch`, `code_execution` …

    `arguments` is JSON text. `maker` as in Thinking: only the maker takes it back.
    """

    id: str
    name: str
    arguments: str
    maker: str = ""
    status: str | None = None


class SearchHit(msgspec.Struct, kw_only=True):
    """A page that a web search found. `sealed` is encrypted content that only the maker can read."""

    url: str
    title: str | None = None
    age: str | None = None
    sealed: str | None = None
    own: dict[str, Any] | None = None


class ServerToolResult(Part):
    """What it returned: the pages of a search; `error` is a code; anything else stays in `own`, verbatim."""

    call_id: str
    name: str
    hits: list[SearchHit] | None = None
    error: str | None = None
    maker: str = ""


class Foreign(Part):
    """A part that only its own format knows, kept verbatim for it: `value` is the decoded JSON object."""

    format: str
    value: Any


class Turn(msgspec.Struct, kw_only=True):
    """One turn. `name` tells speakers of a role apart; `own` as in Part."""

    role: Role
    parts: list[Part]
    at: str = ""
    name: str | None = None
    own: dict[str, Any] | None = None


class Tool(msgspec.Struct, kw_only=True):
    """A function of the caller's: `parameters` is a JSON Schema (draft 2020-12 or older), None for none given."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    at: str = ""
    own: dict[str, Any] | None = None


class CustomTool(msgspec.Struct, kw_only=True):
    """A tool that takes free text, maybe under a grammar (OpenAI's `custom`): `format` is verbatim."""

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    at: str = ""
    own: dict[str, Any] | None = None


class WebSearch(msgspec.Struct, kw_only=True):
    """The provider's own web search. `location` is `{city, region, country, timezone}`; `depth` low, medium, high."""

    allowed_domains: list[str] | None = None
    blocked_domains: list[str] | None = None
    location: dict[str, str] | None = None
    max_uses: int | None = None
    depth: str | None = None
    at: str = ""
    own: dict[str, Any] | None = None


class ForeignTool(msgspec.Struct, kw_only=True):
    """Another tool of the provider's that only its own format knows, verbatim."""

    format: str
    value: Any
    at: str = ""


AnyTool = Tool | CustomTool | WebSearch | ForeignTool


class ToolChoice(msgspec.Struct, kw_only=True):
    """May, must or must not the model call a tool: `auto`, `none`, `required`, or `tool` with the `name` of one.

    `allowed` restricts `auto` and `required` to some of the tools.
    """

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None
    custom: bool = False
    allowed: list[str] | None = None


class OutputFormat(msgspec.Struct, kw_only=True):
    """What the answer's text must be: `text`, any JSON object (`json`), or JSON by a `schema`."""

    kind: Literal["text", "json", "schema"]
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Reasoning(msgspec.Struct, kw_only=True):
    """How much the model thinks before it answers.

    `effort` is `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`; `budget` is in tokens (0 is none at all);
    `enabled` without either is the provider's own measure (`adaptive`: it decides by itself). `shown` says whether
    thoughts are to be told: `none`, `auto`, `concise`, `detailed` (any but none asks for them).
    """

    effort: str | None = None
    budget: int | None = None
    enabled: bool | None = None
    adaptive: bool = False
    shown: str | None = None


class Settings(msgspec.Struct, kw_only=True):
    """Everything about a request beside its turns and tools. None is "not said".

    `logprobs` asks for them, `top_logprobs` for that many alternatives. `n` is the number of candidates. `user` is the
    end user's id (`safety_identifier` a hashed one). `tier` is the service tier in the caller's word. `store` keeps the
    answer at the provider. `previous` continues a stored answer. `modalities` are those of the output. `voice` is how
    spoken output sounds: `{voice, format}`. `cache_key` groups requests with a common prefix.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    output: OutputFormat | None = None
    reasoning: Reasoning | None = None
    verbosity: str | None = None
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    max_tool_calls: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    tier: str | None = None
    store: bool | None = None
    previous: str | None = None
    modalities: list[str] | None = None
    voice: dict[str, Any] | None = None
    cache_key: str | None = None
    cache_retention: str | None = None
    cache: CacheMark | None = None
    include_usage: bool | None = None


SETTINGS: tuple[str, ...] = Settings.__struct_fields__


class Conversation(msgspec.Struct, kw_only=True):
    """One request. `places` has the pointer of every setting that is said, by its name in `Settings`.

    A setting said in two places has the pointers of both, joined by a space.
    """

    model: str
    turns: list[Turn]
    settings: Settings = msgspec.field(default_factory=Settings)
    tools: list[AnyTool] = []
    stream: bool = False
    places: dict[str, str] = {}
    own: dict[str, Any] = {}
    own_format: str = ""


StopReason = Literal["end", "sequence", "length", "tools", "filter", "refusal", "pause", "context", "error", "other"]


class Stop(msgspec.Struct, kw_only=True, frozen=True):
    """Why a candidate ended.

    `end` (the model was done), `sequence` (a stop sequence, in `sequence` if told), `length` (the limit of tokens),
    `tools` (it waits for results), `filter` (a filter of the provider's cut in), `refusal` (the model refuses),
    `pause` (a long turn of server tools, to be continued), `context` (the context window is full), `error` (the
    provider failed but gave what it had), `other`. `word` is the upstream's own word, `detail` what it explains.
    """

    reason: StopReason
    word: str = ""
    sequence: str | None = None
    detail: str | None = None


class Candidate(msgspec.Struct, kw_only=True):
    """One answer of perhaps several. `own` are further members of its format (safety ratings, filter results)."""

    parts: list[Part] = []
    stop: Stop | None = None
    index: int = 0
    own: dict[str, Any] | None = None


class Answer(msgspec.Struct, kw_only=True):
    """A whole answer. `id` and `model` as the upstream says them, `created` in seconds since the epoch.

    `own` are further members of its format at the top level (`system_fingerprint`, `service_tier` …).
    """

    candidates: list[Candidate] = []
    id: str | None = None
    model: str | None = None
    created: int | None = None
    usage: Usage | None = None
    own: dict[str, Any] | None = None
    own_format: str = ""
