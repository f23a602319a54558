"""Every way a call can fail, as one family of typed, picklable errors.

A message names the endpoint, says what happened and what to do next. No message, and no attribute, holds an API key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CircuitOpenError",
    "ConfigurationError",
    "ConflictError",
    "DecodeError",
    "IncompleteReplyError",
    "InternalServerError",
    "NoEndpointError",
    "NotFoundError",
    "OllamaError",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimitExceededError",
    "ReplyError",
    "ReplyFailedError",
    "ServiceUnavailableError",
    "TimeoutPhase",
    "UnprocessableEntityError",
]

TimeoutPhase = Literal["connect", "first_item", "between_items", "total", "pool", "write"]


class OllamaError(Exception):
    """Anything this package raises, except a ``TypeError`` by Python itself for a wrong argument name."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the message and the attributes, so that errors cross process borders."""
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[OllamaError], args: tuple[Any, ...], state: dict[str, Any]) -> OllamaError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(OllamaError, ValueError):
    """A host, option or argument that cannot work; raised before any request is made."""


class APIConnectionError(OllamaError, ConnectionError):
    """No usable response: the connection was refused or reset, or TLS or DNS failed."""


class APITimeoutError(OllamaError, TimeoutError):
    """A limit of :class:`ollama_sdk.Timeout` ran out.

    Attributes:
        phase: Which limit: ``connect``, ``first_item``, ``between_items``, ``total``; ``pool`` is waiting for a free
            connection, ``write`` is sending the request.
    """

    phase: TimeoutPhase

    def __init__(self, message: str, *, phase: TimeoutPhase) -> None:
        super().__init__(message)
        self.phase = phase


class APIStatusError(OllamaError):
    """The server answered with an error status.

    Attributes:
        status_code: The HTTP status.
        message: The server's own words, unwrapped to the innermost text; ``""`` when the body was empty.
        response: Status, headers and body as received, already read.
        retry_after: Seconds that the server asked to wait (``Retry-After``), or ``None``.
    """

    status_code: int
    message: str
    response: httpx.Response
    retry_after: float | None

    def __init__(self, text: str, *, message: str, response: httpx.Response, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status_code = response.status_code
        self.message = message
        self.response = response
        self.retry_after = retry_after


class BadRequestError(APIStatusError):
    """400: the server refuses the request as it stands."""


class AuthenticationError(APIStatusError):
    """401: no valid API key, or not signed in.

    Attributes:
        signin_url: Where to sign in, when the server said so.
    """

    signin_url: str | None

    def __init__(
        self,
        text: str,
        *,
        message: str,
        response: httpx.Response,
        retry_after: float | None = None,
        signin_url: str | None = None,
    ) -> None:
        super().__init__(text, message=message, response=response, retry_after=retry_after)
        self.signin_url = signin_url


class PermissionDeniedError(APIStatusError):
    """403: refused, for instance an ``Origin`` or ``Host`` that the server does not allow."""


class NotFoundError(APIStatusError):
    """404: no such model, blob or route."""


class ConflictError(APIStatusError):
    """409: the request collides with the state of the server."""


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, but the content cannot be processed."""


class RateLimitError(APIStatusError):
    """429: too many requests; see ``retry_after``."""


class InternalServerError(APIStatusError):
    """5xx: the server failed; Ollama also answers 500 to an option of a wrong type."""


class ServiceUnavailableError(InternalServerError):
    """503: the queue is full or the service is down; worth trying again later."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}
_FIRST_SERVER_ERROR = 500


def status_error_class(status_code: int) -> type[APIStatusError]:
    """The error class of an HTTP status that is not a success."""
    default = InternalServerError if status_code >= _FIRST_SERVER_ERROR else APIStatusError
    return _BY_STATUS.get(status_code, default)


class ReplyError(OllamaError):
    """The status was fine, the reply was not."""


class ReplyFailedError(ReplyError):
    """The server reported a failure inside a reply that had begun well.

    Attributes:
        message: The server's own words.
    """

    message: str

    def __init__(self, text: str, *, message: str) -> None:
        super().__init__(text)
        self.message = message


class IncompleteReplyError(ReplyError):
    """The reply ended before its last item.

    Attributes:
        items: How many items had arrived whole.
        partial: What there is: the merged items from ``collect()``, or the unfinished one-piece reply; else ``None``.
    """

    items: int
    partial: Any

    def __init__(self, text: str, *, items: int, partial: Any = None) -> None:
        super().__init__(text)
        self.items = items
        self.partial = partial


class DecodeError(OllamaError):
    """The body is not what the document promises.

    Attributes:
        excerpt: The first characters of what was received.
        where: The path to the bad value, such as ``message.tool_calls[0].function``; ``""`` for the whole body.
    """

    excerpt: str
    where: str

    def __init__(self, text: str, *, excerpt: str = "", where: str = "") -> None:
        super().__init__(text)
        self.excerpt = excerpt
        self.where = where


class CircuitOpenError(OllamaError):
    """The circuit breaker of an endpoint is open: no request was sent.

    Attributes:
        endpoint: The endpoint's base URL.
        retry_after: Seconds until the next probe.
    """

    endpoint: str
    retry_after: float

    def __init__(self, text: str, *, endpoint: str, retry_after: float) -> None:
        super().__init__(text)
        self.endpoint = endpoint
        self.retry_after = retry_after


class RateLimitExceededError(OllamaError):
    """The client's own rate limit has no permit, and the call may not wait (that long)."""


class NoEndpointError(OllamaError, ExceptionGroup[Exception]):
    """No endpoint could answer; ``exceptions`` holds what each of them said."""

    def derive(self, excs: Sequence[Exception], /) -> NoEndpointError:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        """The group of the same message over other exceptions (for ``except*``)."""
        return NoEndpointError(self.message, excs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the message and the exceptions."""
        return NoEndpointError, (self.message, list(self.exceptions))
