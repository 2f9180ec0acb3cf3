"""Whom the SDKs reach across formats: providers that have one surface each, and what is played with them."""

# Those named `only-` are plain servers of one format; the others are the providers that have thinking of their own
# kind, in their own dialects.
PROVIDERS = {
    "only-chat": "chat-completions",
    "only-responses": "responses",
    "only-messages": "messages",
    "only-gemini": "gemini",
    "openai": "responses",
    "anthropic": "messages",
    "deepseek": "chat-completions",
    "openrouter": "chat-completions",
    "google": "chat-completions",
}
# With the model that thinks, where the sandbox's usual one would not do it in the provider's way.
TARGETS = [f"{name}/gemini-think" if name == "google" else name for name in PROVIDERS]

ACROSS = (
    "text",
    "stream",
    "tool",
    "parallel",
    "loop",
    "thinking",
    "thinking_stream",
    "structured",
    "image",
    "image_link",
    "unwilling",
    "limited",
    "cached",
    "rate_limited",
    "overloaded",
    "broken",
)
