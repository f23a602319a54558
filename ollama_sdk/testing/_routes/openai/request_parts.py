"""Converts the parts that the OpenAI-compatible requests have in common: options, images, tool arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ollama_sdk.testing._model.json import is_object
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ollama_sdk.testing._model.json import Json

__all__ = ["decode_arguments", "decode_image", "options_from"]

_OPTIONS = ("seed", "temperature", "frequency_penalty", "presence_penalty", "top_p")


def options_from(body: Mapping[str, Any], limit: str) -> Json:
    """Return the model options of a request; ``limit`` is its name for ``num_predict``."""
    options = {key: body[key] for key in _OPTIONS if key in body}
    if limit in body:
        options["num_predict"] = body[limit]
    stop = body.get("stop")
    if stop:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return options


def decode_image(url: Any) -> str:
    """Return the base64 text of a ``data:`` URL.

    Raises:
        StatusError: 400 for any other URL.
    """
    if not isinstance(url, str) or not url.startswith("data:"):
        text = "image URLs are not currently supported, please use base64 encoded data instead"
        raise StatusError(400, text, stage="request")
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise StatusError(400, "invalid image input", stage="request")
    return data


def decode_arguments(text: Any) -> Json:
    """Return the arguments of a tool call from their JSON text.

    Raises:
        StatusError: 400 if the text is not JSON.
    """
    try:
        value: Any = orjson.loads(text) if text else None
    except ValueError:
        raise StatusError(400, "invalid tool call arguments", stage="request") from None
    return value if is_object(value) else {}
