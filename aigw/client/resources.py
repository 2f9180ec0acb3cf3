"""Which commands ask for which things of the control API: one row a command, data alone.

Plain tuples: every start of the command line reads this table, whatever command it is for.
"""

from __future__ import annotations

from typing import NamedTuple

LIST, SHOW, CREATE, UPDATE, DELETE = "list", "show", "create", "update", "delete"
ROTATE, DISCOVER, SET = "rotate", "discover-models", "set"
# Commands without verbs.
WHOAMI, RELOAD, EXPLAIN = "whoami", "reload", "explain"
USUAL = (LIST, SHOW, CREATE, UPDATE, DELETE)
# Verbs that write a body from flags.
WRITES = (CREATE, UPDATE, SET)


class Flag(NamedTuple):
    """A flag of `create` and `update`, and the member of the resource that it writes.

    `kind` names how its text is read (`aigw.client.reading.READERS`). A `fixed` one cannot be changed later.
    """

    flag: str
    member: str
    kind: str
    metavar: str
    help: str
    required: bool = False
    fixed: bool = False
    repeated: bool = False

    @property
    def dest(self) -> str:
        """Where argparse puts it."""
        return f"flag_{self.word}".replace("-", "_")

    @property
    def word(self) -> str:
        """How `--clear` names it."""
        return self.flag.removeprefix("--")


# A flag of `list`, the parameter of the query, what it does.
_BY_NAME = ("--name", "name", "only those of exactly this name")


class Resource(NamedTuple):
    """A command, the resource behind it, and how its things are told apart and shown.

    `names` are the members that may stand for an id where they are unique. `columns` are heads and members, with dots.
    """

    command: str
    path: str
    plural: str
    noun: str
    prefix: str
    columns: tuple[tuple[str, str], ...]
    flags: tuple[Flag, ...] = ()
    verbs: tuple[str, ...] = USUAL
    names: tuple[str, ...] = ("name",)
    filters: tuple[tuple[str, str, str], ...] = (_BY_NAME,)
    examples: tuple[tuple[str, str], ...] = ()
    # Whether a new one has a token, takes a secret value, can be read from a file.
    token: bool = False
    value: bool = False
    document: bool = False

    @property
    def one(self) -> bool:
        """Whether there is one of it in every account, which has no id."""
        return SET in self.verbs


_NAME = Flag("--name", "name", "text", "NAME", "its name, at most 255 characters")
_REST = (
    Flag("--description", "description", "text", "TEXT", "what it is for, at most 255 characters"),
    Flag("--metadata", "metadata", "text", "TEXT", "anything of your own, at most 4096 characters"),
)
COMMON = (_NAME, *_REST)
_ID_NAME = (("ID", "id"), ("NAME", "name"))
_USED = ("LAST USED", "lastUsed")
# `file` for what the configuration declares, which is changed there.
_SOURCE = ("SOURCE", "source")

KEYS = Resource(
    "keys",
    "access-keys",
    "accessKeys",
    "access key",
    "aigk_",
    (
        *_ID_NAME,
        ("KEY", "keyRedacted"),
        ("CONFIGURATION", "accessKeyConfiguration.name"),
        _USED,
        ("EXPIRES", "expiresAt"),
        _SOURCE,
    ),
    (
        *COMMON,
        Flag("--configuration", "accessKeyConfigurationId", "configuration", "NAME", "access key configuration"),
        Flag(
            "--requests-per-minute",
            "requestsPerMinute",
            "count",
            "N",
            "most requests in a minute (kept; not enforced yet)",
        ),
        Flag("--tokens-per-minute", "tokensPerMinute", "count", "N", "most tokens in a minute (not enforced yet)"),
        Flag("--max-parallel", "maxParallel", "count", "N", "most requests at the same time (not enforced yet)"),
        Flag(
            "--budget",
            "budget",
            "budget",
            "AMOUNT/PERIOD",
            "US dollars per day, week, month or total, as in 50/month (not enforced yet)",
        ),
        Flag("--expires", "expiresAt", "moment", "WHEN", "2027-01-31T12:00Z, or from now on: 12h, 30d"),
    ),
    examples=((CREATE, "--name app --configuration team"), (UPDATE, "app --expires 30d")),
    token=True,
)
API_KEYS = Resource(
    "api-keys",
    "api-keys",
    "apiKeys",
    "API key",
    "aiak_",
    (*_ID_NAME, ("KEY", "keyRedacted"), _USED, ("CREATED", "createdAt")),
    COMMON,
    examples=((CREATE, "--name ci"),),
    token=True,
)
PROVIDER_KEYS = Resource(
    "provider-keys",
    "provider-keys",
    "providerKeys",
    "provider key",
    "aigpk_",
    (*_ID_NAME, ("PROVIDER", "providerId"), ("KEY", "keyRedacted"), _USED, _SOURCE),
    (Flag("--provider", "providerId", "text", "ID", "the provider it is for", required=True, fixed=True), *COMMON),
    verbs=(*USUAL, ROTATE),
    filters=(_BY_NAME, ("--provider", "provider", "only this provider's")),
    examples=(
        (CREATE, "--provider openai --name work --value-file key.txt"),
        (ROTATE, "work --value-file new.txt"),
    ),
    value=True,
)
PROVIDERS = Resource(
    "providers",
    "providers",
    "providers",
    "custom provider",
    "aigp_",
    (
        ("ID", "id"),
        ("PROVIDER", "providerId"),
        ("NAME", "name"),
        ("BASE URL", "baseUrl"),
        ("MODELS", "models"),
        _SOURCE,
    ),
    (
        Flag(
            "--provider-id", "providerId", "text", "ID", "what stands before the colon of its models", True, fixed=True
        ),
        Flag("--preset", "preset", "text", "ID", "what it is: `aigw presets list`; it says what no flag says"),
        Flag("--base-url", "baseUrl", "text", "URL", "where it is"),
        Flag(
            "--surface",
            "supportedApiSurfaces",
            "surface",
            "NAME",
            "an API it serves, as in chat-completions",
            repeated=True,
        ),
        Flag("--model", "models", "model", "ID", "a model it serves", repeated=True),
        *COMMON,
    ),
    verbs=(*USUAL, DISCOVER),
    names=("providerId", "name"),
    filters=(_BY_NAME, ("--provider-id", "providerId", "only the one of this id")),
    examples=(
        (
            CREATE,
            "--provider-id my-vllm --base-url http://127.0.0.1:8000/v1 --surface chat-completions --model llama-3",
        ),
        (UPDATE, "my-vllm --model llama-3 --model qwen-3"),
        (DISCOVER, "my-vllm --apply"),
    ),
    document=True,
)
CONFIGURATIONS = Resource(
    "configurations",
    "access-key-configurations",
    "accessKeyConfigurations",
    "access key configuration",
    "aigac_",
    (
        *_ID_NAME,
        ("PROVIDERS", "access.providers.allow"),
        ("MODELS", "access.models.allow"),
        ("RULES", "router.rules"),
        ("UPDATED", "updatedAt"),
    ),
    (
        *COMMON,
        Flag("--allow-provider", "access.providers.allow", "text", "ID", "a provider it may call", repeated=True),
        Flag("--allow-model", "access.models.allow", "text", "PROVIDER:MODEL", "a model it may call", repeated=True),
        Flag(
            "--rule",
            "router.rules",
            "rule",
            "TARGET=STEPS",
            "which keys serve a provider or model, as in openai=first,second+managed",
            repeated=True,
        ),
    ),
    examples=(
        (CREATE, "--name team --allow-provider openai --rule openai=work,backup"),
        (UPDATE, "team --from team.json"),
    ),
    document=True,
)
ALIASES = Resource(
    "aliases",
    "model-aliases",
    "modelAliases",
    "model alias",
    "aigal_",
    (("ID", "id"), ("ALIAS", "alias"), ("TARGET", "target"), ("NAME", "name")),
    (
        Flag("--alias", "alias", "text", "NAME", "what callers write as the model", required=True),
        Flag(
            "--target", "target", "text", "MODEL", "the model it stands for, as in openai:gpt-5.4-mini", required=True
        ),
        *COMMON,
    ),
    names=("alias", "name"),
    filters=(_BY_NAME, ("--alias", "alias", "only this one")),
    examples=((CREATE, "--alias fast --target groq:openai/gpt-oss-20b"),),
)
ACCOUNTS = Resource(
    "accounts",
    "accounts",
    "accounts",
    "account",
    "acct_",
    (*_ID_NAME, ("DESCRIPTION", "description"), ("CREATED", "createdAt")),
    (_NAME._replace(required=True), *_REST),
    examples=((CREATE, "--name research"),),
)
GATEWAY_CONFIG = Resource(
    "gateway-config",
    "gateway-config",
    "",
    "settings",
    "",
    (),
    (
        Flag("--per-request-timeout", "perRequestTimeout", "text", "TIME", "one attempt, as in 60s"),
        Flag("--total-timeout", "totalTimeout", "text", "TIME", "all attempts of a request, as in 2m"),
        Flag("--connect-timeout", "connectTimeout", "text", "TIME", "name look-up, TCP and TLS"),
        Flag("--stream-idle-timeout", "streamIdleTimeout", "text", "TIME", "longest silence within a stream"),
        Flag("--stream-total-timeout", "streamTotalTimeout", "text", "TIME", "longest whole stream"),
        Flag("--max-input-tokens", "maxInputTokens", "count", "N", "largest input of a request"),
        Flag("--max-output-tokens", "maxOutputTokens", "count", "N", "cap on the output of a request"),
        _REST[1],
    ),
    verbs=(SHOW, SET),
    filters=(),
    examples=((SET, "--total-timeout 3m --clear max-input-tokens"),),
)
AUDIT = Resource(
    "audit",
    "audit",
    "audit",
    "change",
    "aiga_",
    (("AT", "at"), ("WHO", "actor"), ("ACTION", "action"), ("RESOURCE", "resource"), ("ID", "resourceId")),
    verbs=(LIST,),
    filters=(("--resource-id", "resourceId", "only changes of the thing of this id"),),
    examples=((LIST, "--limit 20"),),
)
PRESETS = Resource(
    "presets",
    "catalog/presets",
    "presets",
    "preset",
    "",
    (("ID", "id"), ("NAME", "name"), ("BASE URL", "baseUrl"), ("SURFACES", "supportedApiSurfaces"), ("GUIDE", "guide")),
    verbs=(LIST, SHOW),
    filters=(),
    examples=((SHOW, "ollama"),),
)

RESOURCES = (
    KEYS,
    API_KEYS,
    PROVIDER_KEYS,
    PROVIDERS,
    CONFIGURATIONS,
    ALIASES,
    ACCOUNTS,
    GATEWAY_CONFIG,
    AUDIT,
    PRESETS,
)
# What each command is for, as `aigw --help` lists it.
PURPOSES = {
    "keys": "look after access keys, which apps send",
    "api-keys": "look after API keys, which automation sends to the control API",
    "provider-keys": "look after provider keys, which the gateway sends",
    "providers": "look after custom providers",
    "configurations": "look after what access keys may call, with which provider keys",
    "aliases": "look after other names for models",
    "accounts": "look after accounts (operators)",
    "gateway-config": "show and set an account's timeouts and sizes",
    "audit": "tell who changed what",
    "presets": "list templates of custom providers",
}
