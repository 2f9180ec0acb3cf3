"""The clients' guides are run as they stand, against a gateway whose providers are simulated."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from aigw.catalog import Catalog

TOKEN = "an-access-key-for-the-guides"
GUIDES = "docs/guides/clients"
PAGES = ("README.md", *(f"{GUIDES}/{name}.md" for name in ("openai-python", "anthropic-python", "google-genai")))
# What a reader sees who did everything right.
_ANSWERED = re.compile(r'You said:|"text_delta"|"(content|text)":"You"|sandbox-small|"embedding"')
# What a reader's shell might have for other software, and would lead the SDKs elsewhere.
_FOREIGN = re.compile(r"_(API_KEY|AUTH_TOKEN|BASE_URL|PROXY)$", re.IGNORECASE)
_CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "off"
[[access_keys]]
name = "guides"
key = "{token}"
[providers.openai]
base_url = "{sandbox}/v1"
keys = ["sk-a-key-for-the-guides"]
[providers.groq]
base_url = "{sandbox}/v1"
keys = ["sk-a-key-for-the-guides"]
[providers.openrouter]
base_url = "{sandbox}/v1"
keys = ["sk-a-key-for-the-guides"]
[providers.anthropic]
base_url = "{sandbox}/v1"
keys = ["sk-a-key-for-the-guides"]
[providers.google]
base_url = "{sandbox}/v1beta"
keys = ["sk-a-key-for-the-guides"]
[providers.sandbox]
base_url = "{sandbox}/v1"
surfaces = ["chat-completions", "messages", "gemini"]
surface_urls = {{ gemini = "{sandbox}/v1beta" }}
models = ["sandbox-small"]
"""


@attrs.frozen
class Shell:
    """A reader's terminal: where the gateway is, and what the guide's variables say."""

    root: Path
    address: str

    def run(self, command: list[str], code: str) -> str:
        """What a piece of a guide prints. It must end well."""
        clean = {name: value for name, value in os.environ.items() if not _FOREIGN.search(name)}
        done = subprocess.run(
            command,
            input=code.replace("http://127.0.0.1:8080", self.address),
            env=clean | {"AIGW_ACCESS_KEY": TOKEN},
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running(root: Path, *arguments: str) -> Iterator[str]:
    """A command of ours that says in its first line where it listens: that address."""
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "aigw", *arguments]
    with subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"http://[\w.:]+\d", line)
            assert found, line
            yield found[0]
        finally:
            process.terminate()
            process.communicate(timeout=10)


@pytest.fixture(scope="module")
def shell(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A terminal beside a running gateway."""
    file = tmp_path_factory.mktemp("guides") / "aigw.toml"
    with running(root, "sandbox", "--listen", "127.0.0.1:0") as sandbox:
        file.write_text(_CONFIG.format(token=TOKEN, sandbox=sandbox), encoding="utf-8")
        with running(root, "serve", "--config", str(file)) as gateway:
            yield Shell(root, gateway)


def code_of(root: Path, page: str, language: str) -> list[str]:
    """The pieces of code of a page in a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```", (root / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_python_of_the_guides(shell: Shell, page: str) -> None:
    """The Python of a guide, typed in one piece after the other, works with the official SDK."""
    said = shell.run([sys.executable, "-W", "ignore", "-"], "\n".join(code_of(shell.root, page, "python")))
    assert "You said: Say hello" in said


@pytest.mark.parametrize("page", ["README.md", f"{GUIDES}/curl.md"])
def test_curl_of_the_guides(shell: Shell, page: str) -> None:
    """Every call with curl is answered with what was asked for."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    pieces = "\n".join(code_of(shell.root, page, "sh")).replace("\\\n", " ")
    calls = [line for line in pieces.splitlines() if line.startswith("curl ")]
    assert calls
    for call in calls:
        said = shell.run(["sh", "-s"], call.replace("curl ", "curl -sS --fail-with-body -m 30 ", 1))
        assert _ANSWERED.search(said), f"{call}\n{said}"


# In code, in JSON, in a variable, or in Gemini's path with a verb behind it.
_NAMED = re.compile(r"""(?:\bmodel(?:=|": |: )|models/|MODEL=)"?([\w.:/-]+?)(?::\w*Content)?(?=["\n?'])""")


def test_models_of_the_guides_are_in_service(root: Path) -> None:
    """A model that a guide names is in the catalog, and its maker has not announced its end."""
    catalog = Catalog.load()
    pages = [root / "README.md", *(root / GUIDES).glob("*.md")]
    named = {name for page in pages for name in _NAMED.findall(page.read_text(encoding="utf-8"))}
    real = {name for name in named if "sandbox" not in name and "unheard-of" not in name}
    assert len(real) > 3
    for name in real:
        provider, _, model = name.rpartition(":")
        found = catalog.get(provider, model) if provider else catalog.find(name)
        assert found is not None, name
        assert not found.deprecated, name
