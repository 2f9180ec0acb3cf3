"""What the four formats can say without loss, and what the neutral form can."""

from __future__ import annotations

from hypothesis import strategies as st

from aigw.wire.neutral import (
    AnyTool,
    CacheMark,
    Citation,
    CustomTool,
    Foreign,
    OutputFormat,
    Part,
    Reasoning,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Structured,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    WebSearch,
)

from .conversations import (
    Means,
    Parts,
    apart,
    arguments,
    base64_,
    caches,
    calls,
    compact,
    data,
    fractions,
    in_order,
    inline,
    linked,
    linked_citations,
    maybe,
    media,
    names,
    objects,
    odds,
    plain_texts,
    refusals,
    schemas,
    signed,
    some,
    stored,
    texts,
    thoughts,
    tokens,
    urls,
    usages_of,
    values,
)

places = st.just({"city": "Berlin", "country": "DE"})
searches: st.SearchStrategy[AnyTool] = st.builds(
    WebSearch, location=maybe(places), depth=maybe(st.sampled_from(["low", "high"]))
)
grammars: st.SearchStrategy[AnyTool] = st.builds(
    CustomTool,
    name=names.map(lambda name: f"{name}_c"),
    description=maybe(texts),
    format=maybe(st.just({"type": "grammar", "syntax": "lark", "definition": "a"})),
)
custom_calls: Parts = st.builds(ToolCall, id=st.just("call_"), name=names, arguments=texts, custom=st.just(True))
likely: Parts = st.builds(Text, text=texts, logprobs=maybe(st.lists(odds, min_size=1, max_size=2)))
cited: Parts = st.builds(Text, text=texts, citations=linked_citations)


def searched(maker: str, prefix: str) -> Parts:
    """A web search that the provider makes."""
    return st.builds(
        ServerToolCall,
        id=st.just(prefix),
        name=st.just("web_search"),
        arguments=st.just('{"query":"q"}'),
        maker=st.just(maker),
    )


def bound(maker: str) -> st.SearchStrategy[list[Part]]:
    """A signature, and the text that it belongs to."""
    signature = st.builds(Thinking, signature=base64_, maker=st.just(maker), bound=st.just(True))
    return st.just([]) | st.tuples(signature, plain_texts).map(list)


IMAGES = ("image/png", "image/jpeg")

CHAT = Means(
    format="chat",
    instructions=("system", "developer"),
    named=True,
    shown=st.one_of(
        plain_texts,
        media("image", linked(), data(*IMAGES), detail=maybe(st.sampled_from(["auto", "low", "high"]))),
        media("audio", data("audio/wav", "audio/mpeg")),
        media("document", data("application/pdf"), name=st.just("a.pdf")),
        media("document", stored),
    ),
    said=in_order(some(thoughts), some(plain_texts, 2), some(refusals)),
    custom=True,
    tools=st.one_of(
        st.builds(Tool, name=names, description=maybe(texts), parameters=schemas, strict=maybe(st.booleans())),
        grammars,
        searches,
    ),
    settings={
        "max_tokens": tokens,
        "temperature": fractions,
        "top_p": fractions,
        "frequency_penalty": fractions,
        "presence_penalty": fractions,
        "logit_bias": st.dictionaries(st.sampled_from(["1", "50256"]), fractions, min_size=1),
        "top_logprobs": st.integers(1, 5),
        "n": st.integers(1, 3),
        "seed": st.integers(0, 2**31),
        "stop": st.lists(texts, min_size=1, max_size=3),
        "output": st.one_of(
            st.just(OutputFormat(kind="json")),
            st.just(OutputFormat(kind="text")),
            st.builds(
                OutputFormat,
                kind=st.just("schema"),
                schema=schemas,
                name=names,
                description=maybe(texts),
                strict=maybe(st.booleans()),
            ),
        ),
        "reasoning": st.builds(Reasoning, effort=st.sampled_from(["none", "minimal", "low", "medium", "high"])),
        "verbosity": st.sampled_from(["low", "high"]),
        "tool_choice": st.sampled_from([ToolChoice(mode=m) for m in ("auto", "none", "required", "tool")]),
        "parallel_tools": st.booleans(),
        "user": names,
        "safety_identifier": names,
        "metadata": st.dictionaries(names, texts, min_size=1, max_size=2),
        "tier": st.sampled_from(["auto", "flex"]),
        "store": st.booleans(),
        "cache_key": names,
        "cache_retention": st.just("24h"),
        "top_k": st.integers(1, 50),
        "min_p": fractions,
        "repetition_penalty": fractions,
        "modalities": st.just(["text", "audio"]),
        "voice": st.just({"voice": "alloy", "format": "wav"}),
    },
    answered=in_order(
        some(thoughts) | some(signed("p"), 2),
        some(likely) | some(cited) | some(refusals),
        some(st.builds(Thinking, signature=base64_, maker=st.just("p"), bound=st.just(True))).flatmap(
            lambda bound: some(calls(arguments) | custom_calls, 3, len(bound)).map(lambda made: [*bound, *made])
        ),
    ),
    many=True,
    stops=("end", "length", "filter"),
    usages=usages_of("cache_read_tokens", "reasoning_tokens", "input_audio_tokens", "output_audio_tokens"),
)

RESPONSES = Means(
    format="responses",
    instructions=("system", "developer"),
    shown=st.one_of(
        plain_texts,
        media("image", linked(), data(*IMAGES), stored, detail=st.sampled_from(["auto", "low", "high"])),
        media("document", data("application/pdf"), name=st.just("a.pdf")),
        media("document", stored),
    ),
    said=in_order(
        some(signed("responses", id=names.map(lambda name: f"rs_{name}"), summary=st.just(True))),
        some(plain_texts, 2),
        some(refusals),
    ),
    custom=True,
    tools=st.one_of(
        st.builds(Tool, name=names, description=maybe(texts), parameters=schemas, strict=maybe(st.booleans())),
        grammars,
        st.builds(
            WebSearch,
            allowed_domains=maybe(st.just(["example.org"])),
            location=maybe(places),
            depth=maybe(st.sampled_from(["low", "high"])),
        ),
    ),
    settings={
        name: CHAT.settings[name]
        for name in (
            "max_tokens",
            "temperature",
            "top_p",
            "top_logprobs",
            "output",
            "verbosity",
            "tool_choice",
            "parallel_tools",
            "user",
            "safety_identifier",
            "metadata",
            "tier",
            "store",
            "cache_key",
            "cache_retention",
        )
    }
    | {
        "max_tool_calls": st.integers(1, 9),
        "previous": st.just("resp_1"),
        "reasoning": st.builds(
            Reasoning,
            effort=maybe(st.sampled_from(["none", "low", "high"])),
            shown=st.sampled_from(["auto", "concise", "detailed"]),
        ),
    },
    answered=st.lists(
        st.one_of(
            signed("p", id=names.map(lambda name: f"rs_{name}"), summary=st.just(True)),
            cited,
            likely,
            refusals,
            calls(arguments),
            custom_calls,
            searched("p", "ws_"),
        ),
        max_size=4,
    ),
    stops=("end", "length", "filter"),
    usages=usages_of("cache_read_tokens", "reasoning_tokens"),
)

MESSAGES = Means(
    format="messages",
    shown=st.one_of(
        st.builds(Text, text=texts, cache=caches),
        media("image", linked(), data(*IMAGES), stored, cache=caches),
        media(
            "document",
            data("application/pdf"),
            inline,
            linked(),
            stored,
            cache=caches,
            name=maybe(texts),
            context=maybe(texts),
            cited=maybe(st.booleans()),
        ),
    ),
    said=in_order(
        some(
            st.one_of(
                signed("messages"),
                st.builds(Thinking, signature=base64_, maker=st.just("messages"), redacted=st.just(True)),
            ),
            2,
        ),
        some(st.builds(Text, text=texts, cache=caches), 2),
        some(searched("messages", "srvtoolu_")),
    ),
    returned=st.lists(
        st.one_of(plain_texts, media("image", linked(), data(*IMAGES)), media("document", data("application/pdf"))),
        min_size=1,
        max_size=2,
    ),
    arguments=compact,
    results={"failed": maybe(st.booleans()), "cache": caches},
    tools=st.one_of(
        st.builds(
            Tool, name=names, description=maybe(texts), parameters=schemas, strict=maybe(st.booleans()), cache=caches
        ),
        st.builds(
            WebSearch,
            allowed_domains=maybe(st.just(["example.org"])),
            location=maybe(places),
            max_uses=maybe(st.integers(1, 5)),
        ),
        st.builds(WebSearch, blocked_domains=st.just(["example.org"])),
    ),
    settings={
        "max_tokens": st.integers(1025, 9999),
        "temperature": fractions,
        "top_p": fractions,
        "top_k": st.integers(1, 50),
        "stop": st.lists(names, min_size=1, max_size=3),
        "output": st.builds(OutputFormat, kind=st.just("schema"), schema=schemas),
        "tool_choice": CHAT.settings["tool_choice"],
        "user": names,
        "tier": st.sampled_from(["auto", "standard_only"]),
        "cache": st.sampled_from([CacheMark(), CacheMark("1h")]),
    },
    always=("max_tokens",),
    answered=st.lists(
        st.one_of(
            signed("p"),
            st.builds(Thinking, signature=base64_, maker=st.just("p"), redacted=st.just(True)),
            plain_texts,
            calls(compact, "toolu_"),
            searched("p", "srvtoolu_"),
        ),
        max_size=4,
    ),
    stops=("end", "length", "pause", "refusal", "context"),
    usages=usages_of("cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens"),
    dated=False,
)

GEMINI = Means(
    format="gemini",
    shown=st.one_of(
        plain_texts,
        media("image", data(*IMAGES), linked(*IMAGES)),
        media("audio", data("audio/wav")),
        media("video", linked("video/mp4")),
        media("document", data("application/pdf"), linked("application/pdf")),
    ),
    said=in_order(some(signed("gemini")), bound("gemini"), some(plain_texts, 2)),
    returned=in_order(
        some(st.one_of(plain_texts, st.builds(Structured, value=compact.filter("{}".__ne__))), least=1),
        some(media("image", data(*IMAGES))),
    ),
    tools=st.one_of(st.builds(Tool, name=names, description=maybe(texts), parameters=schemas), st.builds(WebSearch)),
    arguments=compact,
    settings={
        "max_tokens": tokens,
        "temperature": fractions,
        "top_p": fractions,
        "top_k": st.integers(1, 50),
        "frequency_penalty": fractions,
        "presence_penalty": fractions,
        "top_logprobs": st.integers(1, 5),
        "n": st.integers(1, 3),
        "seed": st.integers(0, 2**31 - 1),
        "stop": st.lists(texts, min_size=1, max_size=3),
        "output": st.one_of(
            st.just(OutputFormat(kind="json")), st.builds(OutputFormat, kind=st.just("schema"), schema=schemas)
        ),
        "reasoning": st.builds(Reasoning, budget=st.integers(1, 9999), shown=st.just("auto")),
        "tool_choice": CHAT.settings["tool_choice"],
        "tier": st.just("flex"),
    },
    answered=in_order(
        bound("p"),
        st.lists(
            st.one_of(signed("p"), thoughts, plain_texts, calls(compact), media("image", data(*IMAGES))), max_size=4
        ),
        some(cited),
    ).map(apart),
    many=True,
    stops=("end", "length", "filter", "other"),
    usages=usages_of("cache_read_tokens", "reasoning_tokens"),
)

FORMATS: dict[str, Means] = {means.format: means for means in (CHAT, RESPONSES, MESSAGES, GEMINI)}

ANYTHING = Means(
    format="",
    answered=st.lists(
        st.one_of(
            st.builds(
                Text,
                text=st.text(max_size=5),
                citations=maybe(st.lists(st.builds(Citation, kind=st.just("url"), url=urls), max_size=2)),
                logprobs=maybe(st.lists(odds, max_size=2)),
                own=maybe(objects),
            ),
            refusals,
            st.builds(
                Thinking,
                text=st.text(max_size=5),
                signature=maybe(st.text(max_size=5)),
                maker=names,
                redacted=st.booleans(),
                bound=st.booleans(),
                id=maybe(names),
            ),
            calls(arguments),
            st.builds(ToolCall, id=names, name=names, arguments=st.text(max_size=5), custom=st.just(True)),
            st.builds(ServerToolCall, id=names, name=names, arguments=arguments, maker=names),
            st.builds(
                ServerToolResult,
                call_id=names,
                name=names,
                hits=maybe(st.lists(st.builds(SearchHit, url=urls), max_size=2)),
            ),
            media("image", data(*IMAGES)),
            st.builds(Foreign, format=names, value=values),
        ),
        max_size=6,
    ),
    many=True,
    stops=("end", "sequence", "length", "filter", "refusal", "pause", "context", "error", "other"),
    usages=usages_of("cache_read_tokens", "reasoning_tokens", "cache_write_tokens"),
)
