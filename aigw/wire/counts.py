"""What a provider's usage object means, in one set of terms.

Providers count the same tokens in different ways; what differs is noted at the function that undoes it. A
difference is told by the shape of the object, never by who sent it: gateways and compatible servers mix them.
"""

from __future__ import annotations

from aigw.wire.shapes import Counts, Details, Modality, Usage

_FIELDS = Counts.__struct_fields__
_OF_PROMPT = frozenset(name for name in _FIELDS if name.startswith(("prompt", "input", "cache", "total")))
_NO_DETAILS = Details()


def complete(newer: Counts, older: Counts) -> Counts:
    """Fill what `newer` does not say from `older`, in place; return it.

    Counts in a stream are cumulative, so the newer value wins, but a prompt does not shrink: a zero of it
    stands for "not repeated here".
    """
    for name in _FIELDS:
        value = getattr(newer, name)
        if value is None or (value == 0 and name in _OF_PROMPT):
            before = getattr(older, name)
            if before is not None:
                setattr(newer, name, before)
    return newer


def tells(counts: Counts) -> bool:
    """Whether a usage object says more than zero: some servers end a stream with one that is all zeros."""
    meant = usage(counts)
    return meant is not None and bool(meant.total or meant.seconds)


def usage(counts: Counts) -> Usage | None:
    """Return what a usage object means, None when it holds no figure that is known."""
    if counts.prompt_tokens is None and counts.completion_tokens is None:
        if _first(counts.total_token_count, counts.prompt_token_count, counts.candidates_token_count) is not None:
            return _gemini(counts)
        if counts.input_tokens is not None or counts.output_tokens is not None:
            return _named_input(counts)
        if counts.total_tokens is None:
            return _without_tokens(counts)
    return _chat(counts)


def _chat(counts: Counts) -> Usage:
    """Return the meaning of OpenAI's shape (Chat Completions, embeddings, Responses, images, transcriptions).

    The prompt includes what was cached, the completion includes reasoning. A lone total (rerank, some
    embeddings) is all prompt.
    """
    asked = counts.prompt_tokens_details or counts.input_tokens_details or counts.input_token_details or _NO_DETAILS
    told = counts.completion_tokens_details or counts.output_tokens_details or _NO_DETAILS
    prompt = counts.prompt_tokens or _first(counts.input_tokens, counts.prompt_tokens)
    output = counts.completion_tokens or _first(counts.output_tokens, counts.completion_tokens)
    total = counts.total_tokens
    if prompt is None and output is None:
        prompt = total
    read, write, write_1h = _cached(counts, asked)
    reasoning = told.reasoning_tokens
    if counts.reasoning_tokens or told.thinking_tokens or reasoning is None:
        reasoning = _first(reasoning, counts.reasoning_tokens, told.thinking_tokens)
    if prompt is not None and output is not None:
        cached = (read or 0) + (write or 0)
        # The first test is all that an ordinary answer costs.
        if total != prompt + output or cached > prompt or (reasoning or 0) > output:
            prompt, output, reasoning = _reconcile((prompt, output, reasoning), cached, total)
    return Usage(prompt, output, read, write, write_1h, reasoning, asked.audio_tokens, told.audio_tokens)


def _reconcile(said: tuple[int, int, int | None], cached: int, total: int | None) -> tuple[int, int, int | None]:
    """Correct prompt, output and reasoning tokens of servers that keep a part outside its whole.

    A part larger than its whole is outside it; so is one that the stated total has room for:
    - reasoning outside the completion: xAI (inside the total), Perplexity's deep research and, for Gemini
      models, OpenRouter and Vercel's gateway (outside the total too; the price they state charges for both);
    - cache reads and writes outside the prompt: bridges that pass Anthropic's numbers through;
    - thinking that only the total shows: Gemini behind Google's OpenAI-compatible endpoint.
    """
    prompt, output, reasoning = said
    gap = 0 if total is None else total - prompt - output
    if reasoning and (reasoning > output or reasoning == gap):
        output += reasoning
        gap -= reasoning
    if cached and (cached > prompt or cached == gap):
        prompt += cached
        gap -= cached
    if gap > 0 and reasoning is None:
        output += gap
        reasoning = gap
    return prompt, output, reasoning


def _named_input(counts: Counts) -> Usage:
    """Tell OpenAI's `input_tokens`, which include what was cached, from Anthropic's, which do not."""
    if counts.input_tokens_details is not None or counts.input_token_details is not None:
        return _chat(counts)
    if counts.total_tokens is not None and counts.cache_read_input_tokens is None:
        return _chat(counts)
    return _messages(counts)


def _messages(counts: Counts) -> Usage:
    """Return the meaning of Anthropic's shape: cache reads and writes come on top of `input_tokens`.

    Tokens of a `compaction` iteration are billed but not in the figures beside it (the `message` ones are).
    """
    told = counts.output_tokens_details or _NO_DETAILS
    sums = _additive(counts)
    for iteration in counts.iterations or ():
        if iteration.type == "compaction":
            sums = [_plus(left, right) for left, right in zip(sums, _additive(iteration), strict=True)]
    prompt, output, read, write, hour = sums
    return Usage(prompt, output, read, write, hour, _first(told.thinking_tokens, told.reasoning_tokens))


def _additive(counts: Counts) -> list[int | None]:
    """Return input (all of it), output, cache read, cache write and 1-hour cache write tokens."""
    read, write, write_1h = _cached(counts, _NO_DETAILS)
    prompt = counts.input_tokens
    if prompt is not None:
        prompt += (read or 0) + (write or 0)
    return [prompt, counts.output_tokens, read, write, write_1h]


def _gemini(counts: Counts) -> Usage:
    """Return the meaning of Gemini's shape.

    `promptTokenCount` includes cached content; results of server-side tools that are read back come on top of
    it; thoughts come on top of the candidates (unless the total says otherwise).
    """
    prompt, output, thoughts = counts.prompt_token_count, counts.candidates_token_count, counts.thoughts_token_count
    if counts.tool_use_prompt_token_count:
        prompt = (prompt or 0) + counts.tool_use_prompt_token_count
    if thoughts and (thoughts > (output or 0) or counts.total_token_count != (prompt or 0) + (output or 0)):
        output = (output or 0) + thoughts
    if prompt is not None and output is None:
        output = 0  # left out while nothing was generated, as the format leaves out all zeros
    audio_in, audio_out = _audio(counts.prompt_modalities), _audio(counts.candidates_modalities)
    return Usage(prompt, output, counts.cached_content_token_count, None, None, thoughts, audio_in, audio_out)


def _without_tokens(counts: Counts) -> Usage | None:
    """Return the rarer shapes: audio billed by its length, and Cohere's, which nests what it bills."""
    if counts.seconds is not None and counts.seconds.is_finite() and counts.seconds >= 0:
        return Usage(seconds=counts.seconds)
    for nested in (counts.billed_units, counts.tokens):
        found = usage(nested) if nested is not None else None
        if found is not None:
            return found
    return None


def _cached(counts: Counts, asked: Details) -> tuple[int | None, int | None, int | None]:
    """Return the cache reads, the cache writes, and those of the writes that are kept for an hour."""
    read, write, hour = asked.cached_tokens, asked.cache_write_tokens, None
    if counts.cached_tokens or counts.prompt_cache_hit_tokens or counts.cache_read_input_tokens or read is None:
        read = _first(read, counts.cache_read_input_tokens, counts.prompt_cache_hit_tokens, counts.cached_tokens)
    if counts.cache_creation_input_tokens or asked.cache_creation_tokens or write is None:
        write = _first(write, counts.cache_creation_input_tokens, asked.cache_creation_tokens)
    if counts.cache_creation is not None:
        hour = counts.cache_creation.ephemeral_1h_input_tokens
        write = write or _first(_plus(counts.cache_creation.ephemeral_5m_input_tokens, hour), write)
    return read, write, hour


def _audio(parts: list[Modality] | None) -> int | None:
    for part in parts or ():
        if part.modality == "AUDIO":
            return part.token_count
    return None


def _first(*values: int | None) -> int | None:
    """Return the first figure above zero; servers repeat one under several names, and zero where it is unset."""
    least = None
    for value in values:
        if value:
            return value
        if value is not None:
            least = value
    return least


def _plus(left: int | None, right: int | None) -> int | None:
    return left if right is None else right + (left or 0)
