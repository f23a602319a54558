"""Transports that take every request to one server, wherever it was for."""

from __future__ import annotations

from typing import Any

from .library import library


class Redirected(library.HTTPTransport):
    """The sync one."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = library.URL(url)

    def handle_request(self, request: Any) -> Any:
        request.url = request.url.copy_with(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        return super().handle_request(request)


class AsyncRedirected(library.AsyncHTTPTransport):
    """The async one."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = library.URL(url)

    async def handle_async_request(self, request: Any) -> Any:
        request.url = request.url.copy_with(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        return await super().handle_async_request(request)
