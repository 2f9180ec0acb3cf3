"""Bugs as other gateways have had them, as small changes of our own code: each must show to a caller."""

from __future__ import annotations

from attrs import frozen

ALL = ("chat", "responses", "messages", "gemini")


@frozen
class Edit:
    """One change of a file: text that stands there once, and what takes its place."""

    file: str
    old: str
    new: str


@frozen
class Mutant:
    """A bug, and where it is looked for: pairs of caller and upstream, faults, modes.

    `mends`: what shows is no lie, but an error where another candidate should have answered.
    """

    name: str
    edits: tuple[Edit, ...]
    faults: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    modes: tuple[str, ...] = ("slow",)
    mends: bool = False


def same(*formats: str) -> tuple[tuple[str, str], ...]:
    """Callers in front of upstreams of their own format."""
    return tuple((format, format) for format in formats)


ATTEMPT, BEGINNING, DELIVERY = "aigw/relay/attempt.py", "aigw/relay/beginning.py", "aigw/front/delivery.py"
FORMATS = "aigw/wire/formats"

MUTANTS = (
    Mutant(
        "a stream that the upstream cut ends as if it were complete",
        (
            Edit(
                ATTEMPT,
                "            self._stop(AnswerBroken(error.reason, error.detail))\n",
                '            self._finish()\n            self.exchange.caller.on_bytes(b"", True, b"")\n',
            ),
        ),
        ("cut",),
        same(*ALL),
    ),
    Mutant(
        "streams that pass are not looked at when they end",
        (
            Edit(
                BEGINNING,
                "_GUARDED = frozenset({CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, MESSAGES, GEMINI})",
                "_GUARDED = frozenset({COMPLETIONS} - {CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, MESSAGES, GEMINI})",
            ),
        ),
        ("no-terminal",),
        same(*ALL),
    ),
    Mutant(
        "a terminal event is made up where the upstream sent none",
        (
            Edit(
                ATTEMPT,
                "        broken = guard.ending()\n        if broken is None:\n",
                '        broken = guard.ending()\n        if broken is not None and broken.reason == "stream_cut":\n'
                '            data, broken = data + b"data: [DONE]\\n\\n", None\n        if broken is None:\n',
            ),
        ),
        ("no-terminal",),
        same("chat"),
    ),
    Mutant(
        "a chat stream that stops is read as one that ended",
        (
            Edit(
                f"{FORMATS}/chat/reader.py",
                "            if line.word is None:\n                return []\n        return self._end()",
                "            line.word = line.word or 'stop'\n        return self._end()",
            ),
        ),
        ("no-terminal",),
        (("messages", "chat"), ("gemini", "chat")),
    ),
    Mutant(
        "a Messages stream that stops is read as one that ended",
        (
            Edit(
                f"{FORMATS}/messages/stream_reader.py",
                '        """Nothing: `message_stop` is the only end."""\n        return []',
                '        """Nothing: `message_stop` is the only end."""\n'
                "        stop = read_stop('end_turn', None, None)\n"
                "        return [] if self._ended else [*self._all_stopped(), Stopped(stop), Finish(None)]",
            ),
        ),
        ("no-terminal",),
        (("chat", "messages"), ("responses", "messages")),
    ),
    Mutant(
        "a Responses stream that stops is read as one that ended",
        (
            Edit(
                f"{FORMATS}/responses/stream_reading.py",
                '        """Nothing: this format has an event for its end."""\n        return []',
                '        """Nothing: this format has an event for its end."""\n'
                "        stop = read_stop({'status': 'completed'}, calls=False, refuses=False)\n"
                "        return [] if self._over else [Stopped(stop), Finish(None)]",
            ),
        ),
        ("no-terminal",),
        (("chat", "responses"), ("messages", "responses")),
    ),
    Mutant(
        "a Gemini stream that stops is read as one that ended",
        (
            Edit(
                f"{FORMATS}/gemini/stream_reader.py",
                "                if not line.word:\n                    return []\n                line.end(out)",
                "                line.word = line.word or 'STOP'\n                line.end(out)",
            ),
        ),
        ("no-terminal",),
        (("chat", "gemini"), ("messages", "gemini")),
    ),
    Mutant(
        "an upstream's error event is passed over",
        (
            Edit(
                f"{FORMATS}/chat/reader.py",
                "            self._count(chunk.usage)\n            return self._fail(read_error(0, data))",
                "            self._count(chunk.usage)\n            return []",
            ),
            Edit(
                f"{FORMATS}/chat/reader.py",
                "            if line.word is None:\n                return []\n        return self._end()",
                "            line.word = line.word or 'stop'\n        return self._end()",
            ),
        ),
        ("error-done", "error-mid"),
        (("messages", "chat"), ("gemini", "chat")),
    ),
    Mutant(
        "the reason for ending is always that all was said",
        (
            Edit(
                f"{FORMATS}/messages/tables.py",
                '    if structured and reason == "tools":\n        reason = "end"',
                '    reason, word = "end", "end_turn"',
            ),
        ),
        ("none",),
        (("gemini", "messages"), ("chat", "messages"), ("responses", "messages")),
        ("tools", "whole"),
    ),
    Mutant(
        "an error as first event counts as content",
        (
            Edit(
                "aigw/wire/opening.py",
                "            if verdict is Verdict.ERROR:\n                self.error = event.data",
                "            if verdict is Verdict.ERROR:\n                verdict = Verdict.CONTENT",
            ),
        ),
        ("once-error-first",),
        same(*ALL),
        mends=True,
    ),
    Mutant(
        "after the first content another candidate answers, too",
        (
            Edit(
                ATTEMPT,
                "        if self.phase is not Phase.PASSING:\n            self.fail(AttemptTimeout",
                "        if self.exchange.prospects.candidates:\n            self.fail(AttemptTimeout",
            ),
            Edit(
                DELIVERY,
                "        head = attempt.head\n        assert head is not None\n        now = monotonic()\n",
                "        head = attempt.head\n        assert head is not None\n        now = monotonic()\n"
                "        if self._head_sent:\n            self._attempt = attempt\n"
                "            self.on_bytes(data, complete, raw)\n            return\n",
            ),
        ),
        ("once-cut",),
        same("chat", "messages"),
    ),
    Mutant(
        "a broken answer is told of by nothing, and its body ends well",
        (
            Edit(
                DELIVERY,
                '        proper = error.proper\n        event = b""\n        if not error.told and self._can_tell():',
                '        proper = True\n        event = b""\n        if not proper and self._can_tell():',
            ),
        ),
        ("cut", "half", "stall"),
        (*same(*ALL), ("chat", "messages")),
    ),
    Mutant(
        "the body of a Responses stream ends well after the event of an error",
        (Edit(f"{FORMATS}/responses/words.py", "    cuts_after_error = True", "    cuts_after_error = False"),),
        ("cut", "half"),
        (("responses", "responses"), ("responses", "chat")),
    ),
    Mutant(
        "half JSON in a stream that is translated is left out",
        (
            Edit(
                f"{FORMATS}/chat/reader.py",
                '        shown = text[:200].decode("utf-8", "replace")\n        return ',
                '        shown = text[:200].decode("utf-8", "replace")\n        return [] and ',
            ),
        ),
        ("torn",),
        (("messages", "chat"), ("responses", "chat")),
    ),
    Mutant(
        "usage is lost in translation",
        (
            Edit(
                f"{FORMATS}/chat/reader.py",
                "        found = counts_of(value)\n        if found is not None:",
                "        found = counts_of(value)\n        if found is None:",
            ),
        ),
        ("none",),
        (("messages", "chat"), ("gemini", "chat")),
        ("slow", "whole"),
    ),
    Mutant(
        "what one candidate had begun to say stands before what the next one says",
        (
            Edit(
                BEGINNING,
                "            self.phase = Phase.HOLDING\n            self._held = []\n",
                "            self.phase = Phase.HOLDING\n"
                "            self._held = list(getattr(self.exchange.attempts[0], '_held', ()))\n",
            ),
        ),
        ("once-cut-early", "once-error-first"),
        same("chat"),
    ),
    Mutant(
        "coded streams are not looked into when they end",
        (
            Edit(
                "aigw/wire/guard.py",
                "            found = self.tap.farewells()\n",
                "            found = self.tap.farewells() if not self.tap._coding else None\n",
            ),
        ),
        ("gzip-half", "gzip-cut"),
        same("chat", "messages"),
    ),
    Mutant(
        "a web page passes for an answer",
        (
            Edit(
                "aigw/relay/worth.py",
                "    if request.operation.task not in _TASKS or not request.body.complete:\n",
                "    if request.body is not None:\n",
            ),
            Edit("aigw/relay/worth.py", '    if "text/html" in kind:\n', '    if "text/html" in kind and not kind:\n'),
        ),
        ("html",),
        same("chat", "messages"),
        ("slow", "whole"),
    ),
    Mutant(
        "what an answer calls itself is believed",
        (
            Edit(
                "aigw/relay/worth.py",
                "    if request.operation.task not in _TASKS or not request.body.complete:\n",
                "    if request.body is not None:\n",
            ),
        ),
        ("text-type", "unstreamed", "streamed"),
        same("chat", "responses"),
        ("slow", "whole"),
    ),
    Mutant(
        "silence amid a stream is never noticed",
        (
            Edit(
                ATTEMPT,
                "        elif now - self._last >= self.limits.stream_idle_timeout:\n",
                "        elif now < self._last:\n",
            ),
        ),
        ("stall",),
        same("chat"),
    ),
    Mutant(
        "a message that begins twice passes",
        (Edit("aigw/wire/guard.py", "None if coded else format.begins_with", "None"),),
        ("double-start",),
        same("messages"),
    ),
    Mutant(
        "an error that its SDK passes over is left at that",
        (
            Edit(
                f"{FORMATS}/messages/words.py",
                'return Ending.HEARD if each.name == "error" and not each.left_open else Ending.UNHEARD',
                "return Ending.HEARD",
            ),
        ),
        ("bare-error",),
        same("messages"),
    ),
    Mutant(
        "a translated stream ends well wherever its bytes end",
        (
            Edit(
                ATTEMPT,
                "        ended = complete and rewriting.lane.finished\n        if ended:\n            self._end()\n",
                "        ended = complete\n        if ended:\n            self._end()\n",
            ),
        ),
        ("no-terminal", "once-half"),
        (("chat", "messages"), ("gemini", "chat")),
    ),
)
