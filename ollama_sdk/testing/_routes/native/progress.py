"""Answers requests with the progress of a long operation: as a stream of items, or with only the last item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._routes.streaming import StreamResponse, ndjson_item
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json

__all__ = ["progress_response"]


async def progress_response(items: AsyncGenerator[Json], *, stream: bool) -> Response:
    """Return the items as a stream, or wait for the last one."""
    if stream:
        return StreamResponse(_lines(items), media_type="application/x-ndjson")
    try:
        last = [item async for item in items][-1]
    except StatusError as error:
        return json_response({"error": error.message}, status=error.status, media_type="application/json")
    return json_response(last, media_type="application/json")


async def _lines(items: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    """Return the lines of a stream; an error after the first item is one more line."""
    begun = False
    try:
        async for item in items:
            yield ndjson_item(item)
            begun = True
    except StatusError as error:
        if not begun:
            raise
        yield ndjson_item({"error": error.message})
