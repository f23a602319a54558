"""The errors of this package, typed and picklable.

A message names the call (by :func:`describe_call`), the problem and the next thing to do. No message and no attribute holds an API
key.
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
    "ParseError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimitExceededError",
    "ReplyError",
    "ReplyFailedError",
    "RequestTooLargeError",
    "ServiceUnavailableError",
    "TimeoutPhase",
    "ToolCallError",
    "UnprocessableEntityError",
]

# An error shows this many characters of a received text.
EXCERPT_LENGTH = 200

_FIRST_SERVER_ERROR = 500
# These headers describe the encoded body, and are wrong once it has been decoded.
_ENCODING_HEADERS = {b"content-encoding", b"content-length", b"transfer-encoding"}

TimeoutPhase = Literal["connect", "first_item", "between_items", "total", "pool", "write"]


class OllamaError(Exception):
    """The base of every error that this package raises.

    Python itself still raises ``TypeError`` for an argument name that does not exist.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the attributes: the constructors of subclasses take other arguments."""
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[OllamaError], args: tuple[Any, ...], state: dict[str, Any]) -> OllamaError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(OllamaError, ValueError):
    """A host, option or argument cannot work. Raised before a request is sent."""


class APIConnectionError(OllamaError, ConnectionError):
    """There was no usable response: the connection was refused or reset, or TLS or DNS failed."""


class APITimeoutError(OllamaError, TimeoutError):
    """A limit of :class:`ollama_sdk.Timeout` has passed.

    Attributes:
        phase: Which one: ``connect``, ``first_item``, ``between_items`` or ``total``, the limits of those names; ``pool``, the
            wait for a free connection; or ``write``, sending the request.
    """

    phase: TimeoutPhase

    def __init__(self, message: str, *, phase: TimeoutPhase) -> None:
        super().__init__(message)
        self.phase = phase


class APIStatusError(OllamaError):
    """The server answered with an error status.

    Attributes:
        status_code: The HTTP status.
        message: The server's own text, without any JSON or HTML around it; ``""`` if the body was empty.
        body: The body as decoded JSON, or as text.
        type: The server's type of the error, such as ``"not_found_error"``; ``None`` without one.
        code: The server's code of the error, such as ``"model_not_found"``; ``None`` without one.
        response: Status, headers and decoded body. It has no request, because that holds the API key.
        retry_after: Seconds to wait before the next attempt, from ``Retry-After``; ``None`` without one.
        request_id: The server's name of the request, for its log or its support: ``request_id`` of the body, else ``X-Request-Id``;
            ``None`` without one.
    """

    status_code: int
    message: str
    body: Any
    type: str | None
    code: str | int | None
    response: httpx.Response
    retry_after: float | None
    request_id: str | None

    def __init__(
        self, text: str, *, message: str, response: httpx.Response, retry_after: float | None = None, body: Any = None
    ) -> None:
        super().__init__(text)
        self.body = body
        self.type, self.code = _type_and_code(body)
        self.status_code = response.status_code
        self.message = message
        self.response = response
        self.retry_after = retry_after
        self.request_id = _request_id(body) or response.headers.get("x-request-id")


class BadRequestError(APIStatusError):
    """400: the request is invalid."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing or invalid, or the server is not signed in.

    Attributes:
        signin_url: The URL to sign in, if the server sent one.
    """

    signin_url: str | None

    def __init__(
        self,
        text: str,
        *,
        message: str,
        response: httpx.Response,
        retry_after: float | None = None,
        body: Any = None,
        signin_url: str | None = None,
    ) -> None:
        super().__init__(text, message=message, response=response, retry_after=retry_after, body=body)
        self.signin_url = signin_url


class PaymentRequiredError(APIStatusError):
    """402: the account's plan or credit does not cover the request."""


class PermissionDeniedError(APIStatusError):
    """403: the request is not allowed, for example because of its ``Origin`` or ``Host`` header."""


class NotFoundError(APIStatusError):
    """404: the model, blob or route does not exist."""


class ConflictError(APIStatusError):
    """409: the request conflicts with the state of the server."""


class RequestTooLargeError(APIStatusError):
    """413: the request is too large for the server or for a proxy in front of it."""


class UnprocessableEntityError(APIStatusError):
    """422: the request is well-formed, but its content cannot be processed."""


class RateLimitError(APIStatusError):
    """429: too many requests; ``retry_after`` says how long to wait."""


class InternalServerError(APIStatusError):
    """5xx: the server failed. Ollama also answers 500 to an option of a wrong type."""


class ServiceUnavailableError(InternalServerError):
    """503: the queue is full or the service is down. A later attempt may succeed."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    503: ServiceUnavailableError,
}


def status_error_class(status_code: int) -> type[APIStatusError]:
    """Return the error class of an HTTP status that is not a success."""
    default = InternalServerError if status_code >= _FIRST_SERVER_ERROR else APIStatusError
    return _BY_STATUS.get(status_code, default)


class ReplyError(OllamaError):
    """The status was a success, but the reply is not usable."""


class ReplyFailedError(ReplyError):
    """The server reported a failure inside a reply whose status was a success.

    Attributes:
        message: The server's own text.
        body: The reply, or the item of the stream, that reports the failure, as decoded JSON.
        type: The server's type of the error; ``None`` without one.
        code: The server's code of the error; ``None`` without one.
        request_id: The server's name of the request, as the body has it; ``None`` without one.
    """

    message: str
    body: Any
    type: str | None
    code: str | int | None
    request_id: str | None

    def __init__(self, text: str, *, message: str, body: Any = None) -> None:
        super().__init__(text)
        self.message = message
        self.body = body
        self.type, self.code = _type_and_code(body)
        self.request_id = _request_id(body)


class IncompleteReplyError(ReplyError):
    """The reply ended before its last item.

    Attributes:
        items: How many complete items had arrived.
        partial: The incomplete reply: the accumulated items of a stream, or the unfinished one-piece reply; ``None`` without
            either.
    """

    items: int
    partial: Any

    def __init__(self, text: str, *, items: int, partial: Any = None) -> None:
        super().__init__(text)
        self.items = items
        self.partial = partial


class DecodeError(OllamaError):
    """The data does not have the documented form.

    Attributes:
        excerpt: The beginning of the body, 200 characters at most.
        where: The path of the value that does not fit, such as ``message.tool_calls[0].function``; ``""`` for the whole
            body.
    """

    excerpt: str
    where: str

    def __init__(self, text: str, *, excerpt: str = "", where: str = "") -> None:
        super().__init__(text)
        self.excerpt = excerpt
        self.where = where


class ParseError(OllamaError, ValueError):
    """The text of a reply does not match the type given to ``parse()``.

    Attributes:
        text: The whole text.
        where: The path of the first value that does not fit, such as ``people[0].age``; ``""`` for the text as a whole.
    """

    text: str
    where: str

    def __init__(self, message: str, *, text: str, where: str = "") -> None:
        super().__init__(message)
        self.text = text
        self.where = where


class ToolCallError(OllamaError, ValueError):
    """A model called an unknown tool, or a tool with arguments that do not fit; no function was run.

    Attributes:
        name: The name of the tool in the call.
    """

    name: str

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class CircuitOpenError(OllamaError):
    """The circuit breaker of an endpoint is open, so no request was sent.

    Attributes:
        endpoint: The base URL of the endpoint.
        retry_after: Seconds until the circuit breaker allows the next probe.
    """

    endpoint: str
    retry_after: float

    def __init__(self, text: str, *, endpoint: str, retry_after: float) -> None:
        super().__init__(text)
        self.endpoint = endpoint
        self.retry_after = retry_after


class RateLimitExceededError(OllamaError):
    """The client's own rate limit has no free permit, and its ``wait`` allows no (longer) wait."""


class NoEndpointError(OllamaError, ExceptionGroup[Exception]):
    """No endpoint could answer. ``exceptions`` holds the error of each endpoint that was tried."""

    def derive(self, excs: Sequence[Exception], /) -> NoEndpointError:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a group with the same message over other exceptions; ``except*`` needs it."""
        return NoEndpointError(self.message, excs)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the exceptions."""
        return NoEndpointError, (self.message, list(self.exceptions))


def _type_and_code(body: Any) -> tuple[str | None, str | int | None]:
    """The ``type`` and ``code`` of an error as OpenAI's and Anthropic's interfaces report them."""
    error: Any = body
    for name in ("response", "error"):
        inner: Any = error.get(name) if error is not None and error.__class__ is dict else None
        error = inner if inner is not None and inner.__class__ is dict else error
    if error is body or error is None:
        return None, None
    kind, code = error.get("type"), error.get("code")
    return kind if isinstance(kind, str) else None, code if isinstance(code, (str, int)) else None


def _request_id(body: Any) -> str | None:
    """The ``request_id`` of an error as Anthropic's interface reports it."""
    found: Any = body.get("request_id") if body is not None and body.__class__ is dict else None
    return found if isinstance(found, str) and found else None


def shorten_traceback(error: OllamaError) -> OllamaError:
    """Drop the inner frames of an error that is raised again; its cause keeps only its text.

    Only for errors whose message says everything: for these, the frames of inner layers only hide the caller's line.
    """
    cause = error.__cause__
    if cause is not None:
        cause.__traceback__ = cause.__cause__ = cause.__context__ = None
    return error.with_traceback(None)


# Helpers for messages and errors


def describe_call(request: httpx.Request) -> str:
    """Return the name of a call in messages: ``POST http://127.0.0.1:11434/api/chat``.

    User name, password and query of the URL are left out, because they may hold a secret.
    """
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    return f"{request.method} {url.scheme}://{url.netloc.decode('ascii')}{path}"


def decoded_headers(headers: httpx.Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers without those that are wrong once the body has been decoded."""
    return [(name, value) for name, value in headers.raw if name.lower() not in _ENCODING_HEADERS]
