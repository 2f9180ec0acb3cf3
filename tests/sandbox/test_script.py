"""What the sandbox says, and when it calls tools."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.sandbox.faults import CALM, parse
from aigw.sandbox.script import Ask, Limits, Tool, Toolbox, ToolCall, tokens, weigh, write

_WEATHER = Tool("get_weather", {"properties": {"city": {"type": "string"}}})
_TIME = Tool("get_time", {"properties": {"zone": {"type": "string"}}})


def _ask(text: str, **members: Any) -> Ask:
    return Ask(text=text, weight=len(text), **members)


@given(st.text())
def test_the_answer_repeats_the_question_and_its_pieces_join_to_it(text: str) -> None:
    """A canary in the question is in the answer, and a stream says what a plain answer says."""
    script = write(_ask(text), CALM)
    assert text in script.text
    assert len(script.pieces) <= 64
    assert script.usage.output == tokens(script.text)


@given(st.text(), st.integers(0, 300))
def test_as_many_events_as_asked(text: str, count: int) -> None:
    """`events=N` makes N deltas of any text, filled up with words when it is too short."""
    script = write(_ask(text), parse(f"events={count}"))
    assert len(script.pieces) == count


def test_as_many_words_as_asked() -> None:
    """`words=N` makes the text that long."""
    assert len(write(_ask("hi"), parse("words=40")).text.split()) == 40


@pytest.mark.parametrize(
    ("text", "box", "called"),
    [
        ("hello", Toolbox((_WEATHER, _TIME)), []),
        ("use the tool", Toolbox((_WEATHER, _TIME)), ["get_weather"]),
        ("try get_time", Toolbox((_WEATHER, _TIME)), ["get_time"]),
        ("get_weather and get_time", Toolbox((_WEATHER, _TIME)), ["get_weather", "get_time"]),
        ("in parallel", Toolbox((_WEATHER, _TIME)), ["get_weather", "get_time"]),
        ("in parallel", Toolbox((_WEATHER,)), ["get_weather", "get_weather"]),
        ("in parallel", Toolbox((_WEATHER, _TIME), parallel=False), ["get_weather"]),
        ("hello", Toolbox((_WEATHER, _TIME), "any"), ["get_weather"]),
        ("hello", Toolbox((_WEATHER, _TIME), "any", frozenset(["get_time"])), ["get_time"]),
        ("use the tool", Toolbox((_WEATHER,), "none"), []),
        ("forget_weather", Toolbox((_WEATHER,)), []),
        ("use the tool", Toolbox(), []),
    ],
)
def test_which_tools_are_called(text: str, box: Toolbox, called: list[str]) -> None:
    """Tools are called when named, asked for or forced, never when forbidden; two when parallel is said."""
    script = write(_ask(text, toolbox=box), CALM)
    assert [call.name for call in script.calls] == called
    assert script.finish == ("tool" if called else "stop")
    assert all(text in call.arguments for call in script.calls)


def test_results_are_quoted_and_end_the_calling() -> None:
    """After tool results the answer is text that quotes them, even where a tool is forced."""
    script = write(_ask("use the tool", toolbox=Toolbox((_WEATHER,), "any"), results=("12 degrees",)), CALM)
    assert (script.calls, script.text) == ((), "The tool answered: 12 degrees")


@given(st.text(min_size=1))
def test_fragments_of_arguments_join_to_them(text: str) -> None:
    """Streamed arguments, put together, are the whole."""
    call = ToolCall("f", orjson.dumps({"a": text}).decode())
    assert "".join(call.fragments()) == call.arguments


def test_the_output_limit_cuts_the_text() -> None:
    """No more tokens come than the caller allowed, and the reason says so."""
    script = write(_ask("one two three four", limits=Limits(3)), CALM)
    assert (script.text, script.finish, script.usage.output) == ("You said: on", "length", 3)


def test_a_stop_sequence_ends_the_text() -> None:
    """The text ends before the first stop sequence in it, and the answer says which it was."""
    script = write(_ask("one two three", limits=Limits(None, ("three", "two"))), CALM)
    assert (script.text, script.finish, script.stop) == ("You said: one ", "stop_sequence", "two")


def test_a_structured_answer_is_json_with_the_text_in_it() -> None:
    """A schema is satisfied; without one any object will do."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert orjson.loads(write(_ask("canary", schema=schema), CALM).text) == {"a": "canary"}
    assert orjson.loads(write(_ask("canary", schema={}), CALM).text) == {"answer": "canary"}


def test_attachments_are_acknowledged_and_counted() -> None:
    """Images and files are named in the answer and add to the input."""
    script = write(_ask("what?", images=2, files=1), CALM)
    assert script.text == "I see 2 image(s). I read 1 file(s). You said: what?"
    assert script.usage.input == 2 + 3 * 85


def test_thinking_comes_on_demand_and_counts_as_output() -> None:
    """Thinking is there when asked for; its tokens are part of the output and named apart."""
    script = write(_ask("why", thinks=True), CALM)
    assert script.usage.reasoning == tokens(script.thought) > 0
    assert script.usage.output == tokens(script.text) + script.usage.reasoning
    assert write(_ask("why"), CALM).thinking == ()


def test_numbers_can_be_dictated() -> None:
    """Usage follows the faults that name it, cache reads and writes staying within the input."""
    usage = write(_ask("hi"), parse("input-tokens=100,output-tokens=7,cached=60,cache-write=70")).usage
    assert (usage.input, usage.output, usage.cached, usage.cache_write) == (100, 7, 60, 40)


def test_a_refusal_is_no_answer() -> None:
    """A refusal says so and calls nothing."""
    script = write(_ask("use the tool", toolbox=Toolbox((_WEATHER,), "any")), parse("refusal"))
    assert (script.finish, script.calls) == ("refusal", ())
    assert "use the tool" not in script.text


def test_only_prompt_text_weighs() -> None:
    """Binary, ids and structure do not count as prompt."""
    prompt = [{"role": "user", "content": [{"type": "text", "text": "1234"}, {"image_url": {"url": "data:..."}}]}]
    assert weigh(prompt) == 4
