"""Error messages for callers who are used to another client: they give the counterpart of its names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import ConfigurationError

__all__ = ["explain_argument", "explain_attribute", "explain_keyword", "explain_name", "refuse_policy"]

_KEYWORDS = {
    "base_url": "host=",
    "url": "host=",
    "default_headers": "headers=",
    "token": "api_key=",
    "auth": 'api_key=, or headers={"Authorization": ...}',
    "max_retries": "retry=Retry(attempts=...)",
    "retries": "retry=Retry(attempts=...)",
    "verify": "transport=HTTPTransport(ssl_context=...)",
    "cert": "transport=HTTPTransport(ssl_context=...)",
    "ssl_context": "transport=HTTPTransport(ssl_context=...)",
    "proxy": "transport=HTTPTransport(proxy=...)",
    "proxies": "transport=HTTPTransport(proxy=...)",
    "trust_env": "transport=HTTPTransport(trust_env=...)",
    "uds": "transport=HTTPTransport(uds=...)",
    "follow_redirects": "http_client=httpx.Client(follow_redirects=True)",
}
_OF_ASYNC = {"HTTPTransport(": "AsyncHTTPTransport(", "httpx.Client(": "httpx.AsyncClient("}
_METHODS = {
    "list": "list_models()",
    "ps": "list_running()",
    "tags": "list_models()",
    "models": "list_models(), or v1.models",
    "create_blob": "upload_blob(content=...)",
    "embedding": "embed()",
    "chat_completions": "v1.chat.completions.create()",
    "completions": "v1.completions.create()",
    "messages": "v1.messages.create()",
    "responses": "v1.responses.create()",
    "whoami": "me()",
    "aclose": "close()",
}
_NAMES = {
    "Client": "Ollama",
    "OpenAI": "Ollama",
    "Anthropic": "Ollama",
    "AsyncClient": "AsyncOllama",
    "AsyncOpenAI": "AsyncOllama",
    "AsyncAnthropic": "AsyncOllama",
    "ResponseError": "APIStatusError, or OllamaError for every error",
    "RequestError": "ConfigurationError",
    "APIError": "OllamaError",
    "OpenAIError": "OllamaError",
    "AnthropicError": "OllamaError",
    "APIResponseValidationError": "DecodeError",
    "LengthFinishReasonError": "ParseError, which parse() raises for a reply that was cut",
    "ListResponse": "ollama_sdk.types.ModelList",
    "ProcessResponse": "ollama_sdk.types.RunningModelList",
    "Image": "bytes, a pathlib.Path or base64 text in images=",
}
_USER = 'messages=[{"role": "user", "content": ...}]'
_SYSTEM = 'messages=[{"role": "system", "content": ...}, ...]'
# Names of one thing in the methods of several clients, and what stands for it here: the first that a method has.
_ARGUMENTS = (
    ("max_tokens max_completion_tokens max_output_tokens max_new_tokens num_predict", ("max_tokens", "max_output_tokens", "num_predict")),
    ("stop stop_sequences", ("stop", "stop_sequences")),
    ("n_ctx context_length max_context num_ctx", ("num_ctx",)),
    ("repetition_penalty repeat_penalty", ("repeat_penalty",)),
    ("format response_format output_format schema", ("format", "response_format", 'text={"format": ...}', 'output_config={"format": ...}')),
    ("think thinking reasoning reasoning_effort enable_thinking", ("think", "reasoning_effort", "reasoning", "thinking")),
    ("prompt input inputs text texts content contents message messages", ("prompt", "input", _USER)),
    ("system system_prompt instructions", ("system", "instructions", _SYSTEM)),
    ("name model_name model_id model", ("model",)),
    ("functions tools", ("tools",)),
    ("file path data blob content", ("content", "file")),
    ("headers default_headers", ("extra_headers", "headers")),
    ("params query", ("extra_query",)),
    ("json body data extra_body", ("extra_body", "json", "content")),
    ("request_timeout timeout", ("timeout", "with_options(timeout=...)")),
    ("api_key token", ("api_key", "with_options(api_key=...)")),
    ("host base_url", ("Ollama(host)",)),
    ("retry retries max_retries", ("reconfigure(retry=Retry(attempts=...)), which changes every view and thread of the client",)),
)  # fmt: skip
_ALIKE = 0.8  # of the letters of a name, for a hint at another one
# The class of each policy and an example, for the error about any other value.
_POLICIES = {
    "retry": ("Retry", "attempts=4"),
    "circuit_breaker": ("CircuitBreaker", ""),
    "rate_limit": ("RateLimit", "per_second=10"),
    "failover": ("Failover", '"round_robin"'),
    "health": ("HealthCheck", "interval=10"),
    "cache": ("Cache", "ttl=300"),
}


def explain_keyword(client: str, name: str, known: Sequence[str], *, is_async: bool) -> str:
    """Return the message about an unexpected keyword argument.

    Args:
        client: The name of the client's class.
        name: The argument.
        known: The arguments that the client takes.
        is_async: Whether the client is async.
    """
    alike = _KEYWORDS.get(name) or ", ".join(
        f"{each}=" for each in difflib.get_close_matches(name, ["host", *known], cutoff=_ALIKE)
    )
    for sync_name, async_name in _OF_ASYNC.items() if is_async else ():
        alike = alike.replace(sync_name, async_name)
    hint = f"; give {alike}" if alike else ""
    return f"{client}() got an unexpected keyword argument {name!r}{hint}"


def explain_argument(
    method: str, name: str, *, known: Sequence[str], fields: Mapping[str, str], native: Sequence[str], extra: str
) -> str:
    """Return the message about an unexpected keyword argument of a method.

    Args:
        method: The name of the method.
        name: The argument.
        known: The arguments that the method takes.
        fields: The fields that an argument may hold, each with the name of that argument.
        native: What only native methods take: ``options`` and its fields.
        extra: The argument that takes what the server may know; empty without.
    """

    def holding(argument: str, field: str) -> str:
        return f'{argument}={{"{field}": ...}}'

    def advice(wanted: str) -> str:
        """What to write for an argument, a field of one, an example or another call; empty if the method does not have it."""
        argument, example, _ = wanted.partition("=")
        if "(" in argument and wanted != name:
            return f"use {wanted}"
        if argument in known:
            return f"give {wanted if example else wanted + '='}"
        return f"give {holding(fields[wanted], wanted)}" if wanted in fields else ""

    said = f"{method}() got an unexpected keyword argument {name!r}"
    if name == "stream":
        return f"{said}; it is not one of the methods that stream on request"
    wanted = [name, *(each for aliases, here in _ARGUMENTS if name in aliases.split() for each in here)]
    for each in wanted:
        if found := advice(each):
            return f"{said}; {found}"
    alike = [] if name in native else difflib.get_close_matches(name, [*known, *fields], n=1, cutoff=_ALIKE)
    if alike:
        return (
            f"{said}; did you mean {alike[0]}=?"
            if alike[0] in known
            else f"{said}; did you mean {holding(fields[alike[0]], alike[0])}?"
        )
    if name in native:
        said += f"; native methods such as chat() take {'it' if name == 'options' else holding('options', name)}"
    return f"{said}; what the server may know besides goes into {holding(extra, name)}" if extra else said


def explain_attribute(client: str, name: str) -> str:
    """Return the message about an attribute that a client does not have."""
    hint = f"; use {_METHODS[name]}" if name in _METHODS else ""
    return f"{client!r} object has no attribute {name!r}{hint}"


def explain_name(name: str, place: str, *, is_of_client: bool) -> str:
    """Return the hint about a name that the package does not have; ``""`` without one.

    Args:
        name: The name.
        place: The module that has it; empty without.
        is_of_client: Whether a client has it.
    """
    if name in _NAMES:
        return f"; use {_NAMES[name]}"
    if is_of_client or name in _METHODS:
        return f"; a client has it: Ollama().{name}" if is_of_client else f"; use Ollama().{_METHODS[name]}"
    return f"; use {place}.{name}" if place else ""


def refuse_policy(name: str, policy: Any) -> None:
    """Refuse a value that is not a policy.

    Args:
        name: The argument that takes the policy.
        policy: The value.

    Raises:
        ConfigurationError: It is not the policy of that argument.
    """
    from . import reliability

    kind, example = _POLICIES[name]
    if not isinstance(policy, getattr(reliability, kind)):
        raise ConfigurationError(f"{name}={policy!r:.80} is not a {kind}; give {kind}({example}), or None for none")
