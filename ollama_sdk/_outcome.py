"""Reports the decoded outcome of a call to the policies, which cannot decode replies themselves.

A caller that decodes replies sets ``request.extensions["verdict"]`` to ``True``. Each policy that wants the outcome then puts a
function into the list ``response.extensions["verdict"]``, which may be absent. The caller calls each of them with one
:class:`Verdict`: after it has decoded a one-piece reply, or after the last item of a stream, before it closes the response.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

__all__ = ["Verdict", "await_verdict"]

_VERDICT = "verdict"


class Verdict(NamedTuple):
    """The decoded outcome of a call; a number that is not known is ``None``.

    Attributes:
        error: The error that its caller gets.
        model: The model that answered, as the reply names it.
        input_tokens: Tokens of the prompt.
        output_tokens: Tokens of the answer.
        items: The number of items in a stream.
    """

    error: Exception | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    items: int | None = None


def await_verdict(request: httpx.Request, response: httpx.Response, report: Callable[[Verdict], object]) -> bool:
    """Have ``report`` called with the verdict on ``response``. Returns whether there will be one, unless the caller gives up.

    Only the response refers to ``report``: both are collected together if no verdict is ever given.
    """
    awaited = bool(request.extensions.get(_VERDICT))
    if awaited:
        response.extensions.setdefault(_VERDICT, []).append(report)
    return awaited
