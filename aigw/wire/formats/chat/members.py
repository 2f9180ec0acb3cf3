"""The members of one JSON object of a caller's Chat Completions request."""

from __future__ import annotations

from aigw.wire import members
from aigw.wire.neutral import CacheMark

refuse = members.Members.refuse


class Members(members.Members):
    """An object at a pointer, refused in the notation of OpenAI's own errors (`messages[2].content[0].text`)."""

    __slots__ = ()

    def cache(self) -> CacheMark | None:
        """`cache_control` (Anthropic's, which OpenRouter and LiteLLM take too) or OpenAI's `prompt_cache_breakpoint`.

        See https://openrouter.ai/docs/features/prompt-caching.
        """
        control = self.inner("cache_control")
        if control is not None:
            control.take("type")
            return CacheMark(control.text("ttl"), control.at)
        breakpoint = self.inner("prompt_cache_breakpoint")
        if breakpoint is not None:
            breakpoint.take("mode")
            return CacheMark(breakpoint.text("ttl"), breakpoint.at)
        return None
