"""What a translation need not carry although the differ misses it, each with its reason. The judge's only mercy."""

from __future__ import annotations

import re
from collections.abc import Mapping

# (caller, target, fault) as patterns → why it is no loss. A fault reads `lost /place = value` (a leaf that is nowhere),
# `ignored /place = value` (a member that changed nothing), `invalid place: why`, `refused: message`.
EXCUSED: Mapping[tuple[str, str, str], str] = {
    # -- what is the same as saying nothing
    ("messages|chat|responses", ".*", r"/(strict|is_error|enabled|logprobs) = False"): "what is meant anyway",
    ("gemini", ".*", r"/(thought|nullable|responseLogprobs) = False"): "what is meant anyway",
    ("responses|chat", "messages|gemini", r"/verbosity = 'medium'"): "the usual length",
    (".*", "chat|responses|messages", r"/store = False"): "nothing is stored there",
    ("responses|chat", ".*", r"/detail = 'auto'"): "what it does by itself",
    ("chat|responses", "messages", r"/prompt_cache_retention = 'in_memory'"): "what it does by itself",
    ("chat|gemini", ".*", r"/(n|candidateCount) = 1$"): "what it does by itself",
    ("chat|gemini", ".*", r"/(modalities|responseModalities)/0 = '(text|TEXT)'"): "texts are what it answers",
    ("messages", "gemini", r"/thinking/display = 'summarized'"): "summaries are what it tells",
    # -- said in other words
    ("responses|chat", "messages|gemini", r"/(format|json_schema)/strict = "): "output formats are strict there",
    ("responses", "chat|messages|gemini", r"/include/\d+ = 'reasoning.encrypted_content'"): "always sealed",
    ("responses", "chat|gemini", r"lost /include/\d+ = 'message.output_text.logprobs'"): "a flag says it",
    ("chat|gemini", "responses", r"lost .*/(logprobs|responseLogprobs) = True"): "`include` says it",
    ("chat", ".*", r"/stream_options/include_usage = "): "usage is always asked for, and told",
    ("chat", ".*", r"/reasoning/enabled = "): "an effort, `adaptive` or `disabled` says it",
    (
        "chat|gemini",
        "messages",
        r"(lost|ignored) .*/(exclude|include_reasoning|includeThoughts) = ",
    ): "`display` says it; where nothing is thought there is nothing to hide",
    ("chat|responses", "messages", r"lost /reasoning/(generate_)?summary = 'auto'"): "`display` says it",
    ("chat", "responses", r"/(reasoning/exclude|include_reasoning) = "): "`summary` says it, or its absence",
    ("chat|responses", "gemini", r"lost /reasoning/(generate_)?summary = 'auto'"): "`includeThoughts` says it",
    ("gemini", "responses", r"/includeThoughts = "): "`summary` says it, or its absence",
    ("messages", "gemini", r"lost /thinking/display = 'omitted'"): "`includeThoughts` says it",
    ("messages", "gemini", r"lost .*/is_error = True"): "the response is an `error`",
    ("gemini", ".*", r"lost .*/nullable = True"): "a type of null says it",
    ("messages", "chat|gemini", r"lost /tools/\d+/name = 'web_search'"): "the tool has no name there",
    (
        "gemini",
        "messages|responses|chat",
        r"lost .*/fileData/mimeType = ",
    ): "what an address leads to says its own type",
    # -- what only the maker of an item counts by; it stands in every history
    (
        "responses",
        "chat|messages|gemini",
        r"(lost|ignored) /input/\d+(/\w+/\d+)?/(id|status) = ",
    ): "names and progress of items are the maker's own; a call's `call_id` is another thing",
    # -- names of versions of the same tool
    ("responses|messages", ".*", r"/(tools/\d+|tool_choice)/type = 'web_search"): "each format has its own names",
    # -- refused in words
    ("responses", "chat|messages|gemini", r"refused: (prompt|conversation): a stored"): "stored where it was made",
    ("responses", "chat|messages|gemini", r"refused: A stored response can be"): "stored where it was made",
    ("responses", "chat|messages|gemini", r"refused: input\[\d+\] refers to a stored"): "stored where it was made",
    ("gemini", "chat|messages|responses", r"refused: cachedContent"): "stored where it was made",
    ("gemini", ".*", r"refused: systemInstruction.parts\[0\]"): "instructions neither call tools nor answer calls",
    # -- beyond the description
    ("messages|gemini", "chat", r"invalid : .*'top_k'"): "what most compatible providers take; a dialect can refuse it",
}


def excuse(caller: str, target: str, fault: str) -> tuple[str, str, str] | None:
    """The entry of the table that excuses a fault."""
    for entry in EXCUSED:
        callers, targets, faults = entry
        if re.fullmatch(callers, caller) and re.fullmatch(targets, target) and re.search(faults, fault):
            return entry
    return None
