"""Defines the error that turns a request into an answer with an error status."""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["Stage", "StatusError"]

Stage = Literal["request", "model", "answer"]


class StatusError(Exception):
    """The server answers with an error status.

    Attributes:
        status: The HTTP status.
        message: The error text.
        stage: The progress of the server: it had read the ``request``, found the ``model``, or begun the ``answer``.
            Ollama's headers depend on it.
        native: Whether the error body is the native one on every route.
        extra: Further keys of a native error body, such as ``signin_url``.
    """

    def __init__(
        self, status: int, message: str, *, stage: Stage = "model", native: bool = False, **extra: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.stage = stage
        self.native = native
        self.extra = extra
