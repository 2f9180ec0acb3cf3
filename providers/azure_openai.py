"""Azure OpenAI: OpenAI's dialect with a deployment in the path. https://learn.microsoft.com/azure/foundry/openai/

The base URL comes in three forms, and each says how paths are made:
- `https://RESOURCE.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=…`: one deployment
- `https://RESOURCE.openai.azure.com/openai?api-version=…`: the model names the deployment
- `https://RESOURCE.openai.azure.com/openai/v1`: the newer API; the model in the body names the deployment
"""

from __future__ import annotations

from urllib.parse import quote, unquote_plus, urlsplit

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    MESSAGES,
    ORDER,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
    origin_of,
)
from aigw.errors import AttemptFailed
from aigw.wire.dialect import OPEN_SAMPLING, Dialect
from aigw.wire.efforts import untold

API = "/openai"
DEPLOYMENTS = f"{API}/deployments/"


class AzureOpenAI(Provider):
    """The key in `api-key`; a deployment instead of a model; the version in the base URL."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider; what the base URL's query fixes (`api-version`) the caller cannot say again."""
        fixed = {parameter_name(part) for part in urlsplit(self.base_url).query.split("&")}
        kept = [part for part in ask.query.split("&") if part and parameter_name(part) not in fixed]
        return super().render(attrs.evolve(ask, query="&".join(kept)))

    def surface_url(self, surface: str) -> str:
        """The base URL; Responses live under the newer, unversioned API, whatever the base URL's form."""
        if surface != RESPONSES or surface in self.surface_urls:
            return super().surface_url(surface)
        path = urlsplit(self.base_url).path.rstrip("/")
        resource, deployment, _ = path.partition(DEPLOYMENTS)
        if not deployment and not path.endswith(API):
            return self.base_url
        return f"{origin_of(self.base_url)}{resource.removesuffix(API)}{API}/v1"

    def path(self, ask: Ask) -> str:
        """The operation's path, below the model's deployment when the base URL names none."""
        path = super().path(ask)
        if not urlsplit(self.surface_url(ask.operation.surface)).path.rstrip("/").endswith(API):
            return path
        if ask.model in ("", ".", ".."):
            # Such a segment would be another path, with our key.
            raise AttemptFailed("bad_deployment", f"{ask.model!r} cannot be the name of a deployment")
        return f"deployments/{quote(ask.model, safe='')}/{path}"

    def order(self) -> tuple[str, ...]:
        """Responses first, as at OpenAI, but not where the base URL names a deployment: they would not go there."""
        if DEPLOYMENTS in urlsplit(self.base_url).path:
            return ORDER
        return (RESPONSES, CHAT_COMPLETIONS, MESSAGES, GEMINI)

    def dialect(self, surface: str, model: str) -> Dialect:
        """OpenAI's."""
        if surface == RESPONSES:
            return Dialect(maker=self.id, model=model, developer=True, custom_tools=True, audio=False)
        return Dialect(
            maker=self.id,
            model=model,
            refused=OPEN_SAMPLING,
            limit_member="max_completion_tokens",
            developer=True,
            custom_tools=True,
            reasoning=untold,
        )

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in `api-key`, on every form of the base URL."""
        return (("api-key", ask.key.secret.reveal()),) if ask.key else ()


def parameter_name(part: str) -> str:
    """The name in one `name=value` of a query, as servers compare it: Azure reads names in any case."""
    return unquote_plus(part.partition("=")[0]).lower()


PRESET = AzureOpenAI(
    id="azure_openai",
    name="Azure OpenAI",
    # Every resource has its own.
    base_url="",
    example_url="https://RESOURCE.openai.azure.com/openai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, EMBEDDINGS, RESPONSES}),
    key_variables=("AZURE_OPENAI_API_KEY",),
)
