"""Infers from a call which model its endpoint has or lacks, so that failover need not wait for the next health check."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ollama_sdk._bodies import WholeBody

from ._extensions import model_of

if TYPE_CHECKING:
    import httpx

__all__ = ["MODEL_CHANGES", "NOT_FOUND", "change_of", "says_missing"]

# By operation: the field of the body that names the model, and whether the endpoint has it once the call has succeeded.
MODEL_CHANGES = {
    "create": ("model", True),
    "pull": ("model", True),
    "copy": ("destination", True),
    "delete": ("model", False),
}
NOT_FOUND = 404


def change_of(request: httpx.Request) -> tuple[str, bool] | None:
    """The model that a call adds or removes, and whether the endpoint has it after success; ``None`` for other calls."""
    change = MODEL_CHANGES.get(request.extensions.get("operation", ""))
    if change is None or not isinstance(request.stream, WholeBody):
        return None
    name, is_there = change
    model = _json_object(request.read()).get(name)
    return (model, is_there) if isinstance(model, str) else None


def says_missing(request: httpx.Request, response: httpx.Response) -> bool:
    """Whether the endpoint answers that it does not have the model of the call.

    Only a JSON error means that: a 404 in plain text is an unknown route.
    """
    if response.status_code != NOT_FOUND or model_of(request) is None or not isinstance(response.stream, WholeBody):
        return False
    error = _json_object(response.read()).get("error")
    message = error if isinstance(error, str) else _object(error).get("message")
    return isinstance(message, str) and "model" in message.lower()


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _object(data: Any) -> dict[str, Any]:
    return data if data.__class__ is dict else {}
