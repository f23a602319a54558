"""Reads and writes the fields that the routes about models have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._routes.body import BOOLEAN, STRING
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["MODEL_FIELDS", "RUNNER", "STORE", "details", "parsed_name", "required_name"]

MODEL_FIELDS = {
    "model": STRING,
    "name": STRING,
    "stream": BOOLEAN,
    "insecure": BOOLEAN,
    "username": STRING,
    "password": STRING,
}
RUNNER = "ggml"
# The folder of the models in error texts and Modelfiles.
STORE = "/var/lib/ollama/models"


def required_name(body: Json) -> str:
    """Return the model name of a request.

    Raises:
        StatusError: 400 if there is none.
    """
    name = body.get("model") or body.get("name") or ""
    if not name:
        raise StatusError(400, "model is required")
    return name


def parsed_name(body: Json) -> ModelName:
    """Return the model name of a request, parsed.

    Raises:
        StatusError: 400 if it is missing or invalid.
    """
    parsed = ModelName.parse(body.get("model") or body.get("name") or "")
    if parsed is None:
        raise StatusError(400, "invalid model name", stage="request")
    return parsed


def details(model: EmulatedModel) -> Json:
    """Return the ``details`` of a model."""
    return {
        "parent_model": model.parent,
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization_level,
    }
