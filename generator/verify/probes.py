"""Sends harmless requests to a live server, and keeps its answers.

There are three kinds of requests, which together try as many routes of the document as possible:

- reading: every ``GET`` and ``HEAD`` without path parameters, and ``show`` of each model;
- the shortest replies of the smallest model that completes text, and of the smallest that embeds, in one piece and streamed;
- for every other route, a body without its required fields, which a server refuses before it does anything.

Routes that act without a body (``signout``), and routes of other hosts, are not called.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx

from generator.document import Document
from ollama_sdk.testing.recording import RecordedChunk, RecordedExchange

__all__ = ["ProbeError", "Probes"]

_TIMEOUT = httpx.Timeout(600, connect=5)
_DIGEST = f"sha256:{64 * '0'}"
_FIRST = ("get", "/api/version")
_SHOWN = 5
_MESSAGES = [{"role": "user", "content": "Hi"}]
_SHORT = {"num_predict": 8, "temperature": 0}

# The requests for a model that completes text: the path, and the body without the model.
_COMPLETING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/generate", {"prompt": "Hi", "options": _SHORT}),
    ("/api/generate", {"prompt": "Hi", "options": _SHORT, "logprobs": True}),
    ("/api/chat", {"messages": _MESSAGES, "options": _SHORT}),
    ("/v1/chat/completions", {"messages": _MESSAGES, "max_tokens": 8}),
    ("/v1/completions", {"prompt": "Hi", "max_tokens": 8}),
    ("/v1/responses", {"input": "Hi", "max_output_tokens": 8}),
    ("/v1/messages", {"messages": _MESSAGES, "max_tokens": 8}),
)
_EMBEDDING: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/embed", {"input": ["Hi"]}),
    ("/api/embeddings", {"prompt": "Hi"}),
    ("/v1/embeddings", {"input": "Hi"}),
    ("/v1/embeddings", {"input": "Hi", "encoding_format": "base64"}),
)


class ProbeError(Exception):
    """The server cannot be reached."""


class Probes:
    """Sends requests to one server.

    Attributes:
        untried: The routes of the document that were not called, once :meth:`exchanges` has ended.
    """

    def __init__(self, document: Document, url: str, model: str = "") -> None:
        """Prepare.

        Args:
            document: The document, whose routes are tried.
            url: The server.
            model: The model that completes text; by default the smallest one of the server.
        """
        self._document = document
        self._url = url.rstrip("/")
        self._model = model
        self._tried: set[tuple[str, str]] = set()
        self._version = ""
        self.untried: tuple[str, ...] = ()

    def exchanges(self) -> Iterator[RecordedExchange]:
        """Send the requests, and yield each exchange.

        Raises:
            ProbeError: The server does not answer.
        """
        key = os.environ.get("OLLAMA_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            with httpx.Client(base_url=self._url, headers=headers, timeout=_TIMEOUT) as client:
                yield from self._read(client)
                yield from self._models(client)
                yield from self._refused(client)
        except httpx.HTTPError as exc:
            raise ProbeError(f"{self._url}: {type(exc).__name__}: {exc}; start it with `ollama serve`") from exc
        known = {(method.upper(), path) for _, method, path, _ in self._document.operations()}
        self.untried = tuple(f"{method} {path}" for method, path in sorted(known - self._tried))

    def _send(
        self, client: httpx.Client, method: str, path: str, body: Any = None, *, route: str = ""
    ) -> RecordedExchange:
        self._tried.add((method, route or path))
        reply = client.request(method, path, json=body)
        if path == "/api/version" and reply.is_success and reply.content:
            self._version = str(reply.json().get("version", ""))
        streamed = ", streamed" if body and body.get("stream") else ""
        return RecordedExchange(
            name=f"{method} {path}{streamed}",
            method=method,
            target=path,
            request_body=reply.request.content,
            status=reply.status_code,
            headers=tuple(reply.headers.items()),
            chunks=[RecordedChunk(reply.content)],
            server_version=self._version or None,
        )

    def _read(self, client: httpx.Client) -> Iterator[RecordedExchange]:
        yield self._send(client, "GET", "/api/version")
        for _, method, path, node in self._document.operations():
            if method in {"get", "head"} and "{" not in path and "servers" not in node and (method, path) != _FIRST:
                yield self._send(client, method.upper(), path)
        yield self._send(client, "HEAD", f"/api/blobs/{_DIGEST}", route="/api/blobs/{digest}")

    def _models(self, client: httpx.Client) -> Iterator[RecordedExchange]:
        tags = client.get("/api/tags")
        models: list[dict[str, Any]] = (tags.json().get("models") or []) if tags.is_success else []
        local = sorted((m for m in models if not m.get("remote_host")), key=lambda m: m.get("size", 0))
        able: dict[str, list[str]] = {}
        for model in local[:_SHOWN]:
            name = model["model"]
            shown = self._send(client, "POST", "/api/show", {"model": name})
            yield shown
            yield self._send(client, "GET", f"/v1/models/{name.replace('/', '%2F')}", route="/v1/models/{model}")
            able[name] = httpx.Response(shown.status, content=shown.body).json().get("capabilities") or ["completion"]
        for capability, asked in (("completion", _COMPLETING), ("embedding", _EMBEDDING)):
            chosen = next((name for name, capabilities in able.items() if capability in capabilities), None)
            chosen = self._model if capability == "completion" and self._model else chosen
            for path, body in asked if chosen else ():
                for stream in ({"stream": False}, {"stream": True}) if capability == "completion" else ({},):
                    yield self._send(client, "POST", path, {"model": chosen, **body, **stream})

    def _refused(self, client: httpx.Client) -> Iterator[RecordedExchange]:
        """Send bodies without the required fields."""
        for _, method, path, node in list(self._document.operations()):
            content = self._document.resolve(node.get("requestBody", {})).get("content", {})
            body = self._document.resolve(content.get("application/json", {}).get("schema", {}))
            tried = (method.upper(), path) in self._tried
            if body.get("required") and "{" not in path and "servers" not in node and not tried:
                yield self._send(client, method.upper(), path, {})
