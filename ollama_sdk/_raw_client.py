"""The bases of the views whose methods return the status and the headers with the reply; imported only for them."""

from __future__ import annotations

from typing import Final

from ._call.any_route import AsyncAnyRoute, SyncAnyRoute
from ._call.raw import AsyncRawRuntime, SyncRawRuntime, async_raw, raw
from ._client import Namespace

__all__ = ["AsyncRawClient", "AsyncRawNamespace", "SyncRawClient", "SyncRawNamespace"]


class SyncRawNamespace(Namespace[SyncRawRuntime]):
    """A group of sync methods with raw responses, such as ``client.with_raw_response.v1.chat``."""


class AsyncRawNamespace(Namespace[AsyncRawRuntime]):
    """A group of async methods with raw responses, such as ``client.with_raw_response.v1.chat``."""


class SyncRawClient(SyncRawNamespace):
    """The base of the view of a sync client whose methods return raw responses."""

    request: Final = raw(SyncAnyRoute.request)


class AsyncRawClient(AsyncRawNamespace):
    """The base of the view of an async client whose methods return raw responses."""

    request: Final = async_raw(AsyncAnyRoute.request)
