"""The library whose clients and transports tests give to ours: httpx, or what HTTPX names, such as httpx2."""

from __future__ import annotations

import importlib
import os
from typing import Any

from ollama_sdk import _client

from .transports import trusting

library: Any = importlib.import_module(os.environ.get("HTTPX", "httpx"))


def be_the_default() -> None:
    """Let every client that is given neither a transport nor a client send through a transport of the library."""
    options = {"verify": trusting(), "limits": library.Limits(max_connections=None)}
    sync_wire, async_wire = _client.wire_of, _client.async_wire_of

    def wire_of(transport: Any, http_client: Any) -> Any:
        missing = transport is None and http_client is None
        return sync_wire(library.HTTPTransport(**options) if missing else transport, http_client)

    def async_wire_of(transport: Any, http_client: Any) -> Any:
        missing = transport is None and http_client is None
        return async_wire(library.AsyncHTTPTransport(**options) if missing else transport, http_client)

    vars(_client).update(wire_of=wire_of, async_wire_of=async_wire_of)
