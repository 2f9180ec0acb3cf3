"""What does catalog.json look like as a file, and is it sound?"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from .prices import GENAI_PRICES
from .providers import PLACE, PROVIDERS

Document = dict[str, Any]
Entry = dict[str, Any]

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "catalog.json"
SCHEMA = ROOT / "aigw" / "catalog.schema.json"

SHOWN = 20
"""How many faults of a catalog are worth reading at once: enough to see a pattern."""


def document(entries: Iterable[Entry], day: str, models_dev_commit: str) -> Document:
    """The catalog of these models, ordered by provider (makers before hosts) and id."""
    return {
        "$schema": SCHEMA.relative_to(ROOT).as_posix(),
        "version": 1,
        "generated": day,
        "unit": "USD per million tokens",
        "sources": {
            "genai-prices": {
                "version": GENAI_PRICES,
                "url": "https://github.com/pydantic/genai-prices",
                "licence": "MIT",
            },
            "models.dev": {
                "commit": models_dev_commit,
                "url": "https://models.dev",
                "licence": "MIT",
            },
        },
        "providers": [{"id": p.id, "name": p.name, "surfaces": list(p.surfaces)} for p in PROVIDERS],
        "models": sorted(entries, key=lambda entry: (PLACE[entry["provider"]], entry["id"].lower())),
    }


def render(catalog: Document) -> str:
    """The bytes of the file: small values on lines of their own, every provider and model on one line."""
    blocks = []
    for key, value in catalog.items():
        if isinstance(value, list):
            rows = ",\n".join("    " + json.dumps(item, ensure_ascii=False) for item in value)
            blocks.append(f'  "{key}": [\n{rows}\n  ]')
        else:
            blocks.append(f'  "{key}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def read(path: Path = CATALOG) -> Document:
    """The catalog as it stands; one without models when there is none yet."""
    if not path.exists():
        return document([], "1970-01-01", "")
    catalog: Document = json.loads(path.read_text(encoding="utf-8"))
    return catalog


def faults(catalog: Document) -> list[str]:
    """What the schema has against a catalog, each with the place it is at; empty when it is sound."""
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    found = [
        f"{_place(catalog, list(error.absolute_path))}: {error.message}" for error in validator.iter_errors(catalog)
    ]
    return found[:SHOWN]


def _place(catalog: Document, path: list[str | int]) -> str:
    if len(path) > 1 and path[0] == "models" and isinstance(path[1], int):
        model = catalog["models"][path[1]]
        path = [f"{model.get('provider')}:{model.get('id')}", *path[2:]]
    return "/".join(str(step) for step in path) or "catalog"
