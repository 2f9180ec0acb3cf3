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
# With the model that thinks in the provider's way, and refuses to go on without its thinking: but for the plain chat
# server, which takes none back.
TARGETS = [
    f"{name}/{'gemini' if name == 'google' else 'sandbox'}-think{'' if name == 'only-chat' else '!thinking-back'}"
    for name in PROVIDERS
]

ACROSS = (
    "text",
    "stream",
    "slow",
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
