"""On which surfaces can a model be called? Rules per provider over model ids; the first match wins."""

import re

Rule = tuple[str, tuple[str, ...]]

CHAT = ("chat-completions",)
CHAT_AND_RESPONSES = ("chat-completions", "responses")

_RULES: dict[str, tuple[Rule, ...]] = {
    # Responses-only are the models that need background work or tools between turns: pro, deep research,
    # Codex, and the specialised ones listed in the OpenAI SDK's ResponsesModel but not in its ChatModel.
    "openai": (
        (r"^text-embedding-", ("embeddings",)),
        (r"moderation", ("moderations",)),
        (r"^gpt-(realtime|live)", ("realtime",)),
        (r"^(whisper|tts)-|transcribe|-tts", ("audio",)),
        (r"^(gpt|chatgpt)-image", ("images",)),
        (r"-instruct$|^(babbage|davinci)-002$", ("completions",)),
        (r"^gpt-audio|-search-", CHAT),
        (r"-pro(-\d|$)|-deep-research|-codex|-cyber$|rosalind", ("responses",)),
        (r"", CHAT_AND_RESPONSES),
    ),
    "anthropic": ((r"", ("messages", "count-tokens")),),
    # Speech and image output exist in Gemini's own format only; embedContent is part of that format too.
    "google": (
        (r"embedding", ("gemini", "embeddings")),
        (r"-tts|-image|nano-banana", ("gemini",)),
        (r"", ("gemini", "chat-completions")),
    ),
    "deepseek": (
        (r"reasoner", ("chat-completions", "messages")),
        (r"", ("chat-completions", "completions", "messages")),
    ),
    "moonshotai": ((r"", CHAT),),
    "z-ai": ((r"", CHAT),),
    # Edit models answer on edit and fill-in-the-middle endpoints, which are no surface of the gateway.
    "inceptionlabs": ((r"-edit-", ()), (r"", CHAT)),
    "groq": (
        (r"whisper|orpheus", ("audio",)),
        (r"guard|^groq/compound", CHAT),
        (r"", CHAT_AND_RESPONSES),
    ),
    "hyperbolic": ((r"", CHAT),),
    "inference-net": ((r"embedding", ("embeddings",)), (r"", CHAT)),
}


def surfaces(provider: str, model_id: str, output: list[str]) -> list[str]:
    """The surfaces of a model, given the modalities it answers in.

    OpenRouter puts every model on every text surface; those that draw or speak only on chat completions.
    """
    if provider == "openrouter":
        return ["chat-completions", "responses", "messages", "completions"] if output == ["text"] else list(CHAT)
    for pattern, served in _RULES[provider]:
        if re.search(pattern, model_id, re.IGNORECASE):
            return list(served)
    raise LookupError(f"no surface rule for {provider}:{model_id}")
