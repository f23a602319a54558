"""What whoever understands replies thinks of one, told to the policies that cannot know it.

A caller that will judge the reply sets ``request.extensions["verdict"]`` to ``True``. Each policy that wants to know then puts
a function into the list ``response.extensions["verdict"]``, which may be absent. The caller calls each of them with one
:class:`Verdict`: after a reply in one piece is decoded, or after the last item of a stream, before it closes the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__ = ["Verdict", "await_verdict"]

_VERDICT = "verdict"


class Verdict(NamedTuple):
    """What a reply came to; a number that is not known is ``None``.

    Attributes:
        error: What was wrong with it, as its caller is told.
        model: The model that answered, as the reply names it.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        items: How many items a stream brought.
    """

    error: Exception | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None


def await_verdict(request: httpx.Request, response: httpx.Response, tell: Callable[[Verdict], object]) -> bool:
    """Have ``tell`` called with the verdict on ``response``; whether there will be one, unless the caller gives up.

    ``tell`` is reachable from the response alone: it is collected with it when no verdict is ever given.
    """
    awaited = bool(request.extensions.get(_VERDICT))
    if awaited:
        response.extensions.setdefault(_VERDICT, []).append(tell)
    return awaited
