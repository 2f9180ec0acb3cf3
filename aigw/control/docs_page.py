"""The page that shows the OpenAPI document: plain HTML without scripts, which needs nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import orjson

Json = Mapping[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --quiet: light-dark(#555, #aaa); }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; border-radius: .4rem; overflow-wrap: normal; }
nav a { display: inline-block; margin: .1rem .8rem .1rem 0; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .4rem .75rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.2rem; font: 600 .8em ui-monospace, monospace; }
.GET { color: light-dark(#05c, #6af); } .POST { color: light-dark(#07632e, #5d9); }
.PATCH { color: light-dark(#8a4b00, #fb6); } .DELETE { color: light-dark(#b00020, #f88); }
.quiet, dd { color: var(--quiet); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); }
h3 { font-size: .9rem; margin: .8rem 0 .2rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# Nothing is loaded, run, sent or framed: the one style is allowed by its digest.
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page(document: Json) -> str:
    """The page of a document."""
    info = document["info"]
    tags: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tags.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    links = "".join(f'<a href="#{escape(tag)}">{escape(tag)}</a>' for tag in [*tags, "schemas"])
    parts = [f'<h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(parts)}' for tag, parts in tags.items()]
    schemas = "".join(_schema(name, each) for name, each in sorted(document["components"]["schemas"].items()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f'<h1>{escape(info["title"])} <span class="quiet">{escape(info["version"])}</span></h1>'
        f'{_text(info["description"])}<p><a href="/openapi.json">The OpenAPI document</a></p>'
        f'<nav>{links}</nav><main>{"".join(parts)}<h2 id="schemas">schemas</h2>{schemas}</main></body></html>'
    )


def _operation(method: str, path: str, operation: Json) -> str:
    said = operation.get("description", "")
    parts = [
        f'<summary><b class="{method}">{method}</b> <code>{escape(path)}</code>'
        f' <span class="quiet">{escape(operation["summary"])}</span></summary>',
        _text(said),
        _table("Parameters", map(_parameter, operation["parameters"])),
    ]
    if body := operation.get("requestBody"):
        [content] = body["content"].values()
        parts.append(f"<h3>Body</h3><p>{_kind(content['schema'])}</p>")
        if "example" in content:
            text = orjson.dumps(content["example"], option=orjson.OPT_INDENT_2).decode()
            parts.append(f"<pre>{escape(text)}</pre>")
    parts.append(_table("Answers", (_answer(*each) for each in operation["responses"].items())))
    return f'<details id="{escape(operation["operationId"])}">{"".join(parts)}</details>'


def _parameter(parameter: Json) -> tuple[str, ...]:
    name = f"<code>{escape(parameter['name'])}</code> <span class='quiet'>{parameter['in']}</span>"
    return name, _kind(parameter["schema"]), _inline(parameter.get("description", ""))


def _answer(status: str, response: Json) -> tuple[str, ...]:
    kinds = [_kind(each["schema"]) for each in response.get("content", {}).values()]
    return status, " ".join(kinds), _inline(response["description"])


def _schema(name: str, schema: Json) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (f"<code>{escape(member)}</code>{' *' if member in required else ''}", _kind(each), _inline(_said(each)))
        for member, each in schema.get("properties", {}).items()
    ]
    return (
        f'<details id="schema-{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{_text(schema.get('description', ''))}{_table('Members (* always there)', rows)}</details>"
    )


def _kind(schema: Json) -> str:
    """A schema in a line."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    for word, choices in (("|", schema.get("anyOf")), ("&amp;", schema.get("allOf"))):
        if choices:
            return f" {word} ".join(map(_kind, choices))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(" ".join(filter(None, (schema.get("type", "anything"), schema.get("format", ""), _bounds(schema)))))


def _bounds(schema: Json) -> str:
    least = schema.get("minimum", schema.get("minLength"))
    most = schema.get("maximum", schema.get("maxLength"))
    if least is None and most is None:
        return ""
    return f"({'' if least is None else least}…{'' if most is None else most})"


def _said(schema: Json) -> str:
    said = [schema.get("description"), *(each.get("description") for each in schema.get("anyOf", ()))]
    return next(filter(None, said), "")


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h3>{escape(head)}</h3><table>{lines}</table>" if lines else ""


def _text(text: str) -> str:
    """Paragraphs of a text with `code` in it."""
    return "".join(f"<p>{_inline(part)}</p>" for part in text.strip().split("\n\n") if part)


def _inline(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
