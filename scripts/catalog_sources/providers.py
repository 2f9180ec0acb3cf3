"""Which providers are built in, and in which order are they the default for a model id?"""

from typing import NamedTuple


class Source(NamedTuple):
    """A built-in provider: what the catalog says of it, and its id in genai-prices (None: not there)."""

    id: str
    name: str
    surfaces: tuple[str, ...]
    priced_as: str | None
    takes_new_ids: bool = False
    """Whether every fully described model of genai-prices is listed.

    True for the two whose price lists are copied from the provider's own model list; elsewhere the list keeps
    models that are long gone, and `supplement.json` names those that are not.
    """


PROVIDERS = (
    Source(
        "openai",
        "OpenAI",
        (
            "chat-completions",
            "responses",
            "completions",
            "embeddings",
            "moderations",
            "images",
            "audio",
            "realtime",
        ),
        "openai",
    ),
    Source("anthropic", "Anthropic", ("messages", "count-tokens"), "anthropic"),
    Source("google", "Google", ("gemini", "chat-completions", "embeddings"), "google"),
    Source("deepseek", "DeepSeek", ("chat-completions", "completions", "messages"), "deepseek"),
    Source("moonshotai", "Moonshot AI", ("chat-completions",), "moonshotai"),
    Source("z-ai", "Z.ai", ("chat-completions",), "zai"),
    Source("inceptionlabs", "InceptionLabs", ("chat-completions",), None),
    Source("groq", "Groq", ("chat-completions", "responses", "audio"), "groq"),
    Source(
        "hyperbolic",
        "Hyperbolic",
        ("chat-completions", "completions", "images", "audio"),
        "huggingface_hyperbolic",
        takes_new_ids=True,
    ),
    Source("inference-net", "Inference.net", ("chat-completions", "embeddings"), None),
    Source(
        "openrouter",
        "OpenRouter",
        ("chat-completions", "responses", "messages", "completions", "embeddings"),
        "openrouter",
        takes_new_ids=True,
    ),
)
"""Makers first, then hosts, the reseller last: the first that serves a model id is its default."""

PLACE = {source.id: place for place, source in enumerate(PROVIDERS)}
