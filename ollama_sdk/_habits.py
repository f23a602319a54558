"""Error messages for callers who are used to another client: they give the counterpart of its names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from .errors import ConfigurationError

__all__ = ["explain_attribute", "explain_keyword", "refuse_policy"]

_KEYWORDS = {
    "base_url": "host=",
    "url": "host=",
    "default_headers": "headers=",
    "token": "api_key=",
    "max_retries": "retry=Retry(attempts=...)",
    "retries": "retry=Retry(attempts=...)",
    "verify": "http_client=httpx.Client(verify=...)",
    "cert": "http_client=httpx.Client(cert=...)",
    "proxy": "http_client=httpx.Client(proxy=...)",
    "proxies": "http_client=httpx.Client(proxy=...)",
    "follow_redirects": "http_client=httpx.Client(follow_redirects=True)",
}
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
# The class of each policy and an example, for the error about any other value.
_POLICIES = {
    "retry": ("Retry", "attempts=4"),
    "circuit_breaker": ("CircuitBreaker", ""),
    "rate_limit": ("RateLimit", "per_second=10"),
    "failover": ("Failover", '"round_robin"'),
    "health": ("HealthCheck", "interval=10"),
    "cache": ("Cache", "ttl=300"),
}


def explain_keyword(client: str, name: str, known: Sequence[str]) -> str:
    """Return the message about an unexpected keyword argument.

    Args:
        client: The name of the client's class.
        name: The argument.
        known: The arguments that the client takes.
    """
    alike = _KEYWORDS.get(name) or ", ".join(f"{each}=" for each in difflib.get_close_matches(name, ["host", *known]))
    hint = f"; give {alike}" if alike else ""
    return f"{client}() got an unexpected keyword argument {name!r}{hint}"


def explain_attribute(client: str, name: str) -> str:
    """Return the message about an attribute that a client does not have."""
    hint = f"; use {_METHODS[name]}" if name in _METHODS else ""
    return f"{client!r} object has no attribute {name!r}{hint}"


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
