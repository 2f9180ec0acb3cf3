"""What is known of a model apart from its price: name, limits, modalities, capabilities, life cycle?

Two sources, both in the words of catalog.json afterwards: models.dev, read from a facts file, and
`supplement.json` beside this module, which adds models that came after that file, each with the page it was
read from. `lifecycle.json` holds announced shutdown dates.
"""

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from .providers import PROVIDERS

Entry = dict[str, Any]

HERE = Path(__file__).parent

_CAPABILITIES = {
    "reasoning": "reasoning",
    "structured_output": "structured-output",
    "temperature": "temperature",
    "tool_call": "tools",
}
_MODELS_DEV_PROVIDERS = {"z-ai": "zai", "inceptionlabs": "inception", "inference-net": "inference"}
_MODALITIES = ("text", "image", "audio", "video", "pdf", "embeddings")

# Models that take an assistant turn at the end as the start of their answer: Claude up to 4.5.
# https://platform.claude.com/docs/en/api/errors#prefill-not-supported
_PREFILL = (
    "claude-3",
    "claude-opus-4-0",
    "claude-opus-4-1",
    "claude-opus-4-2",
    "claude-opus-4-5",
    "claude-sonnet-4-0",
    "claude-sonnet-4-2",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
)

# https://developers.openai.com/api/docs/guides/reasoning: what a request that names no effort gets.
_DEFAULT_EFFORT = {
    "openai": dict.fromkeys(("gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"), "none"),
}


def read_facts(path: Path) -> tuple[str, dict[str, dict[str, Entry]]]:
    """The models.dev commit of a facts file, and its models by provider and id in models.dev's words.

    Two forms are read: a file with a `models_dev` part per provider, and models.dev's own `api.json`, which
    names no commit (its digest stands for one) and has ids of its own for some providers.
    """
    content = path.read_bytes()
    facts = json.loads(content, parse_float=Decimal)
    if "sources" in facts:
        models = {provider: listed["models_dev"] for provider, listed in facts["providers"].items()}
        return facts["sources"]["models.dev"]["commit"], models
    names = {source.id: _MODELS_DEV_PROVIDERS.get(source.id, source.id) for source in PROVIDERS}
    digest = hashlib.sha256(content).hexdigest()[:12]
    return f"sha256:{digest}", {ours: facts.get(name, {}).get("models", {}) for ours, name in names.items()}


def read_supplement() -> list[Entry]:
    """The catalog entries of models that models.dev did not have yet, without the page each was read from."""
    supplement = json.loads((HERE / "supplement.json").read_text())
    return [{key: value for key, value in entry.items() if key != "source"} for entry in supplement["models"]]


def read_shutdowns() -> dict[tuple[str, str], str]:
    """Announced shutdown dates (`YYYY-MM-DD`) by provider and model id."""
    lifecycle = json.loads((HERE / "lifecycle.json").read_text())
    return {
        (provider, model_id): date
        for provider, dates in lifecycle["shutdowns"].items()
        for date, model_ids in dates.items()
        for model_id in model_ids
    }


def of_models_dev(provider: str, model_id: str, listed: Entry) -> Entry:
    """A catalog entry from what models.dev says of a model."""
    entry: Entry = {"id": model_id, "provider": provider, "name": " ".join(listed["name"].split())}
    entry |= _limits(listed.get("limit", {}))
    entry["input"] = _modalities(listed["modalities"].get("input"))
    entry["output"] = _modalities(listed["modalities"].get("output"))
    entry["capabilities"] = _capabilities(provider, model_id, listed, entry["input"])
    if reasoning := _reasoning(listed) | _default_effort(provider, model_id):
        entry["reasoning"] = reasoning
    if listed.get("release_date"):
        entry["releaseDate"] = listed["release_date"]
    if listed.get("status") == "deprecated":
        entry["deprecated"] = True
    return entry


def _capabilities(provider: str, model_id: str, listed: Entry, takes: list[str]) -> list[str]:
    """What models.dev flags; attachments go by the modalities, which its own flag contradicts at times."""
    known = {name for flag, name in _CAPABILITIES.items() if listed.get(flag)}
    if set(takes) - {"text"} and "text" in takes:
        known.add("attachments")
    if provider == "anthropic" and model_id.startswith(_PREFILL):
        known.add("prefill")
    return sorted(known)


def _limits(limit: Entry) -> Entry:
    """Token limits; models.dev writes 0 for a model that is not measured in tokens."""
    keys = {"context": "contextWindow", "input": "maxInput", "output": "maxOutput"}
    return {key: limit[name] for name, key in keys.items() if limit.get(name)}


def _modalities(listed: list[str] | None) -> list[str]:
    return [modality for modality in _MODALITIES if modality in (listed or ())]


def _reasoning(listed: Entry) -> Entry:
    """How reasoning is controlled (efforts, a token budget, a switch) and in which field it comes back."""
    reasoning: Entry = {}
    for option in listed.get("reasoning_options") or ():
        match option["type"]:
            case "effort":
                reasoning["efforts"] = option["values"]
            case "budget_tokens":
                reasoning["budget"] = {end: option[end] for end in ("min", "max") if end in option}
            case "toggle":
                reasoning["toggle"] = True
    field = listed.get("interleaved", {}).get("field")
    return reasoning | ({"field": field} if field else {})


def _default_effort(provider: str, model_id: str) -> Entry:
    default = _DEFAULT_EFFORT.get(provider, {}).get(model_id)
    return {"default": default} if default else {}
