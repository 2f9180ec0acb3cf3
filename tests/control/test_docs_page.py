"""The page that shows the OpenAPI document."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aigw.control.docs_page import POLICY, page
from aigw.control.openapi import document
from aigw.control.table import routes

from ..support.browser import CHROMIUM, browser
from .conftest import Live

DOCUMENT = document(tuple(routes()))
PAGE = page(DOCUMENT)
_VOID = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """Notes what stands open, and every link and place."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """The last one that stands open ends."""
        assert self.open.pop() == tag


def read() -> Reader:
    """The page, read."""
    reader = Reader()
    reader.feed(PAGE)
    return reader


def test_it_is_whole() -> None:
    """Every tag that opens is closed, in order."""
    assert read().open == []


def test_everything_is_on_it() -> None:
    """Operations and schemas of the document are on the page."""
    for path, methods in DOCUMENT["paths"].items():
        assert f"<code>{path}</code>" in PAGE
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in PAGE
    for name in DOCUMENT["components"]["schemas"]:
        assert f'id="schema-{name}"' in PAGE


def test_links_lead_somewhere() -> None:
    """A link is to a place on the page, or to the document."""
    found = read().attributes
    places = {f"#{value}" for name, value in found if name == "id"} | {"/openapi.json"}
    assert {value for name, value in found if name == "href"} <= places


def test_it_needs_nothing_from_anywhere() -> None:
    """No script, no image, no style of its own on an element: the one style is allowed by its digest."""
    assert not re.search(
        r"<(script|img|link|iframe)|https?://(?!json-schema)|@import|url\(", PAGE.partition("</style>")[0]
    )
    assert "<script" not in PAGE
    assert not [name for name, _ in read().attributes if name in ("style", "src", "onclick")]
    [style] = re.findall(r"<style>(.*?)</style>", PAGE, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in POLICY


def test_words_are_no_markup() -> None:
    """What a description says is shown, not run."""
    info = {**DOCUMENT["info"], "title": "<b>x", "description": "`a` <script>"}
    text = page({**DOCUMENT, "info": info})
    assert "<title>&lt;b&gt;x</title>" in text
    assert "<p><code>a</code> &lt;script&gt;</p>" in text


# The contrast of every text with what is behind it (WCAG 2.2, 1.4.3), the lowest first.
_CONTRASTS = """
(() => {
  const canvas = document.createElement('i');
  canvas.style.background = 'Canvas';
  document.body.append(canvas);
  const parse = text => text.match(/[0-9.]+/g).map(Number);
  const base = parse(getComputedStyle(canvas).backgroundColor);
  canvas.remove();
  const behind = element => {
    if (!element) return base;
    const [r, g, b, a = 1] = parse(getComputedStyle(element).backgroundColor);
    const below = behind(element.parentElement);
    return [r, g, b].map((each, at) => each * a + below[at] * (1 - a));
  };
  const light = colour => {
    const [r, g, b] = colour.map(each => each / 255).map(
      each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll('body, body *')) {
    if (![...element.childNodes].some(each => each.nodeType === 3 && each.data.trim())) continue;
    const [over, under] = [parse(getComputedStyle(element).color).slice(0, 3), behind(element)].map(light);
    const ratio = (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05);
    found.push([ratio, element.tagName, element.className, element.textContent.slice(0, 40)]);
  }
  return found.sort((one, other) => one[0] - other[0]);
})()
"""


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look at the page with")
async def test_in_a_browser(live: Live, tmp_path: Path) -> None:
    """A browser shows it without a complaint: it opens and closes, fits a phone, and can be read in the dark."""
    async with browser(tmp_path / "browser") as page:
        for width, dark in ((1280, False), (390, False), (390, True)):
            await page.look(f"{live.url}/docs", width=width, dark=dark)
            assert await page.run("matchMedia('(prefers-color-scheme: dark)').matches") is dark
            for opened in ("details:has(.POST)", "details[id^=schema-]"):
                assert not await page.run(f"document.querySelector({opened!r}).open")
                await page.click(f"{opened} summary")
                assert await page.run(f"document.querySelector({opened!r}).open")
                assert await page.run(f"document.querySelector({opened!r}).innerText.split('\\n').length > 3")
            await page.run("for (const each of document.querySelectorAll('details')) each.open = true")
            assert await page.run("document.documentElement.scrollWidth") <= width
            contrasts = await page.run(_CONTRASTS)
            assert len(contrasts) > 100
            assert contrasts[0][0] >= 4.5, contrasts[:5]
        assert page.trouble == []
