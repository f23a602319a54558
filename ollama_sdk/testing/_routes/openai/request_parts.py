"""Converts the parts that the OpenAI-compatible requests have in common: options, images, tool arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from ollama_sdk.testing._model.json import is_list, is_object
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, NUMBER, OBJECT, STRING
from ollama_sdk.testing._routes.request_values import base64_error
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ollama_sdk.testing._model.json import Json

__all__ = ["SAMPLING_FIELDS", "decode_arguments", "decode_image", "options_from"]

# The fields that chat and completions have in common.
SAMPLING_FIELDS = {
    "model": STRING,
    "stream": BOOLEAN,
    "stream_options": OBJECT,
    "max_tokens": INTEGER,
    "seed": INTEGER,
    "temperature": NUMBER,
    "frequency_penalty": NUMBER,
    "presence_penalty": NUMBER,
    "top_p": NUMBER,
}
_IMAGE_PREFIXES = frozenset({"data:", *(f"data:image/{kind}" for kind in ("jpeg", "jpg", "png", "webp"))})
_OPTIONS = ("seed", "temperature", "frequency_penalty", "presence_penalty", "top_p")


def options_from(body: Mapping[str, Any], limit: str) -> Json:
    """Return the model options of a request; ``limit`` is its name for ``num_predict``.

    A ``stop`` that is neither text nor a list is ignored, as are elements of a list that are not text.
    """
    options = {key: body[key] for key in _OPTIONS if key in body}
    if limit in body:
        options["num_predict"] = body[limit]
    stop = body.get("stop")
    if isinstance(stop, str):
        options["stop"] = [stop]
    elif is_list(stop):
        options["stop"] = [text for text in stop if isinstance(text, str)]
    return options


def decode_image(url: Any) -> str:
    """Return the base64 text of a ``data:`` URL.

    Raises:
        StatusError: 400 for any other URL, for an image type that Ollama does not know, and for data that is not base64.
    """
    if not isinstance(url, str) or not url.startswith("data:"):
        text = "image URLs are not currently supported, please use base64 encoded data instead"
        raise StatusError(400, text, stage="request")
    prefix, _, data = url.partition(";base64,")
    if prefix not in _IMAGE_PREFIXES:
        raise StatusError(400, "invalid image input", stage="request")
    if base64_error(data):
        raise StatusError(400, "invalid message format", stage="request")
    return data


def decode_arguments(text: Any) -> Json:
    """Return the arguments of a tool call from their JSON text.

    Raises:
        StatusError: 400 if the text is not that of a JSON object.
    """
    try:
        value: Any = orjson.loads(text) if isinstance(text, str) else None
    except ValueError:
        value = None
    if not is_object(value):
        raise StatusError(400, "invalid tool call arguments", stage="request")
    return value
