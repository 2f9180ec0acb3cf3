"""Which request parameters is a model known not to accept?

Only refusals with an error count: a provider that ignores what it does not know (OpenRouter, Z.ai, DeepSeek's
sampling parameters while thinking) refuses nothing. Names are those of the provider's own dialect.
"""

import re
from typing import Any

Entry = dict[str, Any]
Refusals = tuple[list[str], list[str]]
"""Parameters never accepted, and parameters accepted only with reasoning effort `none`."""

SAMPLING = [
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "presence_penalty",
    "temperature",
    "top_logprobs",
    "top_p",
]

TEXT_SURFACES = {"chat-completions", "responses", "messages"}


def refusals(entry: Entry) -> Refusals:
    """What the model of a catalog entry refuses, judged by its surfaces, capabilities and efforts."""
    rule = _RULES.get(entry["provider"])
    if rule is None or not TEXT_SURFACES & set(entry["surfaces"]):
        return [], []
    return rule(entry)


def _openai(entry: Entry) -> Refusals:
    """https://developers.openai.com/api/docs/guides/reasoning: sampling is fixed while a model reasons.

    Models whose efforts include `none` take sampling parameters at that effort, the others never do; models
    whose efforts are not known are taken for the former, so that nothing valid is stripped from a request
    that says `none`.
    """
    if "reasoning" not in entry["capabilities"] or "temperature" in entry["capabilities"]:
        return [], []
    efforts = entry.get("reasoning", {}).get("efforts")
    if efforts is None or "none" in efforts:
        return [], SAMPLING
    stop = ["stop"] if re.match(r"o3|o4|gpt-5(-|$)", entry["id"]) else []
    return sorted(SAMPLING + stop), []


def _anthropic(entry: Entry) -> Refusals:
    """https://platform.claude.com/docs/en/about-claude/models/migration-guide: from Opus 4.7 on, sampling and
    manual thinking budgets are a 400."""
    if "temperature" in entry["capabilities"]:
        return [], []
    return ["temperature", "thinking.budget_tokens", "top_k", "top_p"], []


def _groq(entry: Entry) -> Refusals:
    """https://console.groq.com/docs/openai#currently-unsupported-openai-features."""
    return ["logit_bias", "logprobs", "n", "top_logprobs"], []


def _deepseek(entry: Entry) -> Refusals:
    """https://api-docs.deepseek.com/guides/reasoning_model: log probabilities are an error, sampling is
    ignored."""
    return (["logprobs", "top_logprobs"], []) if entry["id"] == "deepseek-reasoner" else ([], [])


def _moonshotai(entry: Entry) -> Refusals:
    """https://platform.kimi.ai/docs: models with fixed sampling refuse every other value."""
    if "temperature" in entry["capabilities"]:
        return [], []
    return ["frequency_penalty", "n", "presence_penalty", "temperature", "top_p"], []


_RULES = {
    "openai": _openai,
    "anthropic": _anthropic,
    "groq": _groq,
    "deepseek": _deepseek,
    "moonshotai": _moonshotai,
}
