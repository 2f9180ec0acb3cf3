"""What an app must understand of each scenario, through whichever SDK and from whichever provider."""

from typing import Any

SAID = "You said: hello there my friend"
HEARD = {"said": SAID, "ended": "end", "used": [6, 8]}
SUNNY = "The tool answered: sunny"
WEATHER = ["get_weather", '{"city":"use both tools in parallel"}']
THOUGHT = {"thought": "The user said: use the tool I will answer.", "signed": True, "said": SUNNY}
SEEN = {"said": "I see 1 image(s). You said: what is it"}

# Understood alike through all APIs.
EXPECTED: dict[str, Any] = {
    "text": HEARD,
    "stream": HEARD | {"streamed": True},
    "slow": HEARD | {"streamed": True},
    "tool": {"calls": [["get_weather", '{"city":"use the tool get_weather"}']], "ended": "tool"},
    "parallel": {"calls": [["get_time", "{}"], WEATHER], "ended": "tool", "said": "The tool answered: sunny; noon"},
    "loop": {"said": SUNNY, "ended": "end"},
    "thinking": THOUGHT,
    "thinking_stream": THOUGHT,
    "structured": {"summary": "hello there my friend", "score": 1},
    "image": SEEN,
    "image_link": SEEN,
    "unwilling": {"refused": True},
    "limited": {"said": "You said", "ended": "limit"},
    "cached": [[100, 7, 60], [100, 7, 60]],
    "broken": {"raised": True, "pieces": 3, "told": True},
}
LIMITED = {"raised": "RateLimitError", "status": 429, "retries": 2, "hint": "20"}
ANTHROPICS = {"raised": "APIStatusError", "status": 529, "retries": 2, "hint": "20", "type": "overloaded_error"}

# As each SDK raises them. The reason in Gemini's details is the upstream's own word, and no part of this.
ERRORS: dict[str, dict[str, Any]] = {
    "openai_chat": {"rate_limited": LIMITED, "overloaded": LIMITED | {"raised": "InternalServerError", "status": 503}},
    "openai_responses": {
        "rate_limited": LIMITED,
        "overloaded": LIMITED | {"raised": "InternalServerError", "status": 503},
    },
    "anthropic_messages": {"rate_limited": LIMITED, "overloaded": ANTHROPICS},
    "google_gemini": {
        "rate_limited": {"raised": "ClientError", "status": 429, "name": "RESOURCE_EXHAUSTED"},
        "overloaded": {"raised": "ServerError", "status": 503, "name": "UNAVAILABLE"},
    },
}
