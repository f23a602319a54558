"""Reports the decoded outcome of a call to the policies, which see only its response.

A caller that will decode the reply sets ``request.extensions["outcome"]`` to ``True``. A policy that needs the outcome then adds a
listener to the list ``response.extensions["outcome"]``, which may be absent. The caller calls each listener once with a
:class:`CallOutcome`: after it has decoded a one-piece reply, or after the last item of a stream, before it closes the response. A
caller that abandons the call reports no outcome.
"""

# Annotations are not postponed here: NamedTuple would compile the text of each.

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

__all__ = ["CallOutcome", "new_outcome", "on_outcome"]


class CallOutcome(NamedTuple):
    """The outcome of a call; unknown values are ``None``.

    Attributes:
        error: The error that the caller gets, if the call failed.
        model: The model in the reply.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        items: The number of items of a stream.
        parts: JSON objects of the reply, which hold content: a whole one-piece reply; of a stream the first and the last items,
            and the one with the token counts.
        whole: Accumulates all items of a stream; it returns ``None`` if they do not make a valid reply. ``None`` for a one-piece
            reply.
    """

    error: Exception | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None
    parts: tuple[dict[str, Any], ...] = ()
    whole: Callable[[], dict[str, Any] | None] | None = None


# Makes an outcome of all its fields, as the class does, but without a call of Python code.
new_outcome = tuple[Any, ...].__new__


def on_outcome(request: httpx.Request, response: httpx.Response, listener: Callable[[CallOutcome], object]) -> bool:
    """Call ``listener`` with the outcome of a call, once it is known.

    Only the response refers to the listener: if the call is abandoned, both are garbage-collected together.

    Returns:
        Whether the caller of ``request`` reports an outcome.
    """
    if not request.extensions.get("outcome"):
        return False
    response.extensions.setdefault("outcome", []).append(listener)
    return True
