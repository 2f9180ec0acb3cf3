"""What providers write of an answer and its usage, and what the gateway makes of both: the shapes alone.

They stand apart from what reads them, because what reads them is compiled and msgspec's structs cannot be.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec

MAX_COUNT = 2**53
"""More tokens than any provider will sell: above it a number is garbage, and no database column holds it."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]


# A struct, not attrs: made once per answer, in a quarter of the time.
class Usage(msgspec.Struct, frozen=True, gc=False):
    """What one answer used, in tokens; None where the provider did not say.

    `input_tokens` are all tokens of the prompt, those read from and written to the provider's cache included;
    `output_tokens` are all that were generated, reasoning included. The others are parts of these two, never
    further tokens: of the input `cache_read_tokens`, `cache_write_tokens` (of which `cache_write_1h_tokens`
    were kept for an hour) and `input_audio_tokens`; of the output `reasoning_tokens` and
    `output_audio_tokens`. `seconds` is the audio that a transcription priced by duration was billed for.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    seconds: Decimal | None = None

    @property
    def total(self) -> int:
        """Input and output tokens together; what was not said counts as none."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)


class Details(msgspec.Struct, gc=False):
    """The split of a prompt's or an answer's tokens, as OpenAI-like providers (and Anthropic, of output) give it."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    cache_creation_tokens: Count | None = None
    audio_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    thinking_tokens: Count | None = None


class CacheCreation(msgspec.Struct, gc=False):
    """Anthropic's cache writes by how long they are kept."""

    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class Modality(msgspec.Struct, gc=False):
    """Gemini's tokens of one modality."""

    modality: str | None = None
    token_count: Count | None = msgspec.field(default=None, name="tokenCount")


class Counts(msgspec.Struct, gc=False):
    """A usage object as providers write it: every field that any dialect uses, all optional."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    prompt_cache_hit_tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: Details | None = None
    input_token_details: Details | None = None
    output_tokens_details: Details | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: CacheCreation | None = None
    iterations: list[Counts] | None = None
    type: str | None = None
    prompt_token_count: Count | None = msgspec.field(default=None, name="promptTokenCount")
    candidates_token_count: Count | None = msgspec.field(default=None, name="candidatesTokenCount")
    thoughts_token_count: Count | None = msgspec.field(default=None, name="thoughtsTokenCount")
    tool_use_prompt_token_count: Count | None = msgspec.field(default=None, name="toolUsePromptTokenCount")
    cached_content_token_count: Count | None = msgspec.field(default=None, name="cachedContentTokenCount")
    total_token_count: Count | None = msgspec.field(default=None, name="totalTokenCount")
    prompt_modalities: list[Modality] | None = msgspec.field(default=None, name="promptTokensDetails")
    candidates_modalities: list[Modality] | None = msgspec.field(default=None, name="candidatesTokensDetails")
    seconds: Decimal | None = None
    billed_units: Counts | None = None
    tokens: Counts | None = None


class Seen(msgspec.Struct, frozen=True, gc=False):  # as Usage
    """What was read of one answer; None and False for what it did not say.

    `stop_reason` is the upstream's own word (for Responses the status, or the reason why it is incomplete;
    for a blocked Gemini prompt the block reason). `error` is the name of an error, in a body or in a stream.
    `terminal` says that the answer is whole: a stream brought the event its format ends with (`[DONE]`,
    `message_stop`, `response.completed`, `.incomplete` or `.failed`, Gemini's finish reason), a JSON body its
    last bracket.
    """

    usage: Usage | None = None
    stop_reason: str | None = None
    model: str | None = None
    response_id: str | None = None
    error: str | None = None
    terminal: bool = False


class Choice(msgspec.Struct, gc=False):
    """One choice of a chat completion. Moonshot's streams carry the usage here."""

    index: Any = 0
    finish_reason: str | None = None
    usage: Counts | None = None


class Candidate(msgspec.Struct, gc=False):
    """One candidate of a Gemini answer."""

    index: Any = 0
    finish_reason: str | None = msgspec.field(default=None, name="finishReason")


class Reason(msgspec.Struct, gc=False):
    """Where Responses and Gemini explain why there is no more."""

    reason: str | None = None
    block_reason: str | None = msgspec.field(default=None, name="blockReason")


class Delta(msgspec.Struct, gc=False):
    """The change in Anthropic's `message_delta`."""

    stop_reason: str | None = None


class Answer(msgspec.Struct, gc=False):
    """A JSON body, or one event of a stream, in any of the formats; what is absent is None."""

    id: str | None = None
    object: str | None = None
    type: str | None = None
    model: str | None = None
    usage: Counts | None = None
    choices: list[Choice] | None = None
    stop_reason: str | None = None
    status: Any = None
    error: Any = None
    code: Any = None
    delta: Delta | str | None = None
    message: Answer | str | None = None
    response: Answer | str | None = None
    incomplete_details: Reason | None = None
    x_groq: Answer | None = None
    candidates: list[Candidate] | None = None
    prompt_feedback: Reason | None = msgspec.field(default=None, name="promptFeedback")
    usage_metadata: Counts | None = msgspec.field(default=None, name="usageMetadata")
    model_version: str | None = msgspec.field(default=None, name="modelVersion")
    response_id: str | None = msgspec.field(default=None, name="responseId")
    meta: Counts | None = None
