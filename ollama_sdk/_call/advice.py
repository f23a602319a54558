"""Adds advice to an error, depending on its origin: the server, what stands in front of it, or the way to it."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from ollama_sdk._secrets import REDACTED, redact, redact_url
from ollama_sdk.errors import EXCERPT_LENGTH
from ollama_sdk.streaming._marks import failure_message

if TYPE_CHECKING:
    from .request import Call

__all__ = [
    "GIVEN",
    "broken_off",
    "connection_advice",
    "failed_transport",
    "message_of",
    "not_json_advice",
    "reason_of",
    "status_advice",
    "unreached",
]

_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _PROXY_LOGIN, _UNAVAILABLE = 401, 403, 404, 407, 503
_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504
GIVEN = "the given transport or http_client"
_OF_OTHERS = {
    _UNAUTHORIZED,
    _PROXY_LOGIN,
    _BAD_GATEWAY,
    _UNAVAILABLE,
    _GATEWAY_TIMEOUT,
}  # unless Ollama's JSON is in it
_OLLAMA_COM = "ollama.com"
_KEY_OF_CLOUD = "; give a valid API key of https://ollama.com/settings/keys (OLLAMA_API_KEY, api_key=)"

_OLLAMA = {
    401: "; sign in with `ollama signin`, or give a valid API key (OLLAMA_API_KEY, api_key=)",
    402: "; the account's plan does not cover this: see https://ollama.com/settings",
    403: "; the server refuses this Host or Origin: see OLLAMA_ORIGINS",
    413: "; the server takes no request of this size: send less, for example smaller images",
    429: "; wait before the next call",
    503: "; its queue is full or it is going down: try again later, or see OLLAMA_MAX_QUEUE",
}
_NO_CLOUD = "; the server's own settings switch it off (OLLAMA_NO_CLOUD)"
# For answers that do not come from Ollama, but from nginx or the like in front of it.
_GATEWAY = {
    401: "; this is not Ollama's answer: a proxy in front of it asks for a login, which api_key= or headers={'Authorization': ...} may hold",
    403: "; this is not Ollama's answer: a proxy in front of it refuses the request",
    407: "; this is not Ollama's answer: a proxy on the way requires a login, which belongs in its URL: http://user:password@host:port",
    413: "; this is not Ollama's answer: a proxy in front of it takes no request of this size (nginx: client_max_body_size)",
    502: "; this is not Ollama's answer: a proxy in front of it cannot reach it; is Ollama running there?",
    503: "; this is not Ollama's answer: a proxy in front of it cannot reach it; is Ollama running there?",
    504: "; this is not Ollama's answer: a proxy in front of it gave it too little time (nginx: proxy_read_timeout)",
}
_ANY_ROUTE = "request"  # the name of the operation that client.request() makes
_IN_ONE_PIECE = 'if the server answers in one piece, put "stream": True into json=, or leave out stream= and last='
_NO_LAST = "the server may have stopped, or the last item of this route is another one: see last="
_EVENT = re.compile(r"(data|event|id|retry)?: ?")
_LINES = re.compile(r"\{[^\n]*\}\r?\n *\{")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_HIDDEN = re.compile(r"<(style|script|head)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_LONGEST_PAGE = 100_000  # characters that are searched for a title


# The server's message


def message_of(data: Any, text: str) -> str:
    """Return the message of an error body.

    Args:
        data: The body as decoded JSON; ``None`` if it is not JSON.
        text: The body.
    """
    message = failure_message(data) or _detail_of(data)
    if message:
        return message
    return (_text_of_page(text[:_LONGEST_PAGE]) if _is_page(text) else text.strip())[:EXCERPT_LENGTH]


def _detail_of(data: Any) -> str:
    """The ``detail`` of FastAPI's errors: a text, an error of the application, or a list of problems with their places."""
    detail = data.get("detail") if data.__class__ is dict else None
    if isinstance(detail, str) or detail.__class__ is dict:
        return failure_message(detail)
    parts: list[Any] = detail if detail is not None and detail.__class__ is list else []
    problems: list[Any] = [each for each in parts if each.__class__ is dict and isinstance(each.get("msg"), str)]
    return "; ".join(f"{'.'.join(map(str, each.get('loc') or ()))}: {each['msg']}".lstrip(": ") for each in problems)


def _is_page(text: str) -> bool:
    return text.lstrip()[:1] == "<"


def _text_of_page(page: str) -> str:
    title = _TITLE.search(page)
    text = title[1] if title else _TAG.sub(" ", _HIDDEN.sub(" ", page))
    return " ".join(html.unescape(text).split())


# Error statuses


def status_advice(call: Call[Any, Any], response: httpx.Response, data: Any, text: str) -> str:
    """Return a clause with advice about an error status; ``""`` if there is none.

    Args:
        call: The call.
        response: The response.
        data: The body as decoded JSON; ``None`` if it is not JSON.
        text: The body.
    """
    if response.is_redirect:
        return _redirect_advice(call, response)
    status = response.status_code
    is_ollamas = data.__class__ is dict and data.get("error") is not None and not _asks_for_password(response)
    if status == _UNAUTHORIZED and _is_at_ollama_com(call.request):
        return _KEY_OF_CLOUD
    if not is_ollamas and (advice := _advice_of_others(call, status, text)):
        return advice
    if status == _NOT_FOUND:
        return _not_found_advice(call, data, is_ollamas=is_ollamas)
    if status == _FORBIDDEN and is_ollamas:  # a feature that is disabled: only an empty body is about Host or Origin
        return _NO_CLOUD if "cloud is disabled" in text else ""
    return _when(_OLLAMA.get(status, ""), response) + _where(data)


def _asks_for_password(response: httpx.Response) -> bool:
    challenge: str = response.headers.get("www-authenticate", "")
    return challenge.lower().startswith("basic")


def _is_at_ollama_com(request: httpx.Request) -> bool:
    host: str = request.url.host
    return host == _OLLAMA_COM


def _advice_of_others(call: Call[Any, Any], status: int, text: str) -> str:
    """The advice about an answer of a proxy, or of what stands in front of Ollama; ``""`` if it may be Ollama's."""
    proxy = proxy_of(call.request)
    if proxy is not None and status == _PROXY_LOGIN:
        return proxy.login
    if proxy is not None and status != _UNAUTHORIZED and (_is_page(text) or status in _OF_OTHERS):
        return proxy.answered
    if "HTTP request" in text and "HTTPS" in text:
        return "; the server speaks TLS there: use https:// in the host"
    # Ollama answers 403 also without a body.
    is_others = _is_page(text) or status in _OF_OTHERS or (status == _FORBIDDEN and text.strip() != "")
    return _GATEWAY.get(status, "") if is_others else ""


def _redirect_advice(call: Call[Any, Any], response: httpx.Response) -> str:
    location = response.headers.get("location")
    if location is None:
        return "; Ollama never answers so: check the host, and what stands in front of the server"
    shown = redact(call.request, redact_url(location))[:EXCERPT_LENGTH]
    proxy = proxy_of(call.request)
    if proxy is not None and _host_of(call.request, location) != call.request.url.host:
        return f"; it redirects to {shown}{proxy.answered}"
    base = shown.removesuffix(call.operation.path)
    use = "check the host" if base == shown or REDACTED in base else f"use {base} as the host"
    return f"; it redirects to {shown}, and redirects are not followed: {use}"


def _host_of(request: httpx.Request, location: str) -> str:
    try:
        return request.url.join(location).host
    except httpx.InvalidURL:
        return ""


def _when(advice: str, response: httpx.Response) -> str:
    """Advice to wait, with the time that the server gives for that."""
    from ollama_sdk._retry_after import retry_after_in

    seconds = retry_after_in(response.headers)
    if not seconds:
        return advice
    return advice.replace("; wait before", f"; wait {seconds:.15g} s before").replace(
        "try again later", f"try again in {seconds:.15g} s"
    )


def _where(data: Any) -> str:
    """The address at which the server wants its account to sign in; ``""`` without one."""
    url = data.get("signin_url") if data.__class__ is dict else None
    return f"; sign in at {url}" if url and isinstance(url, str) else ""


def _not_found_advice(call: Call[Any, Any], data: Any, *, is_ollamas: bool) -> str:
    """The advice for 404: a JSON error means a missing model or blob; any other 404 means an unknown route."""
    if is_ollamas:
        says_missing = "model" in failure_message(data).lower()
        return f"; if the model is not there yet: client.pull({call.model!r})" if says_missing and call.model else ""
    base = str(call.request.extensions.get("base_url", ""))
    for ending in ("/v1", "/api"):
        if base.rstrip("/").endswith(ending):
            shorter = base.rstrip("/").removesuffix(ending)
            return f"; the host ends in {ending}, which every route already has: use {shorter} as the host"
    if name := next((value for value in call.path_values.values() if "/" in value), None):
        return f"; Ollama has no route for a name with a slash: look for {name!r} in client.{_listing_of(call)}"
    came = f", which came with Ollama {call.operation.since}" if call.operation.since else ""
    return f"; the server has no such route: it is older than the route{came} (`ollama --version` shows its version), or not Ollama"


def _listing_of(call: Call[Any, Any]) -> str:
    """The listing call next to a look-up: ``v1.models.list()`` for ``v1.models.retrieve()``."""
    return f"{call.operation.name.rpartition('.')[0]}.list()"


# Connections


# The messages of resolvers for an unknown name: glibc, musl, macOS and Windows.
_UNRESOLVED = (
    "Name or service not known",
    "No address associated",
    "Temporary failure in name resolution",
    "Name does not resolve",
    "nodename nor servname",
    "getaddrinfo failed",
)


# OpenSSL's messages about a certificate, about an answer in plain text, and about alerts of a server that requires a client
# certificate. Before TLS 1.3 such an alert is only a failed handshake.
_UNTRUSTED = ("CERTIFICATE_VERIFY_FAILED",)
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
_REFUSED = ("ALERT_CERTIFICATE_", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_HANDSHAKE_FAILURE")
# Texts of errors of a connection that was opened, and then ended in the TLS handshake.
_BROKEN_OFF = ("Connection reset", "forcibly closed", "during the TLS handshake", "EOF occurred", "UNEXPECTED_EOF")
# Texts of our transport's errors when a proxy requires a user name and a password.
_PROXY_WANTS_LOGIN = (f": {_PROXY_LOGIN} ", "the user name or the password", "a kind of login")
_PROXY_TLS = "the TLS handshake with the proxy failed"


def _has(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


def connection_advice(call: Call[Any, Any], request: httpx.Request, exc: Exception) -> str:
    """Return a clause with advice about a call without a usable response.

    The transports of this package note in the request which way it took, so the advice is about that: a proxy, a Unix socket, or the
    server itself.

    Args:
        call: The call.
        request: The request that failed.
        exc: The exception of the transport.
    """
    if isinstance(exc, ImportError):  # it names the package that is missing
        return ""
    reason = reason_of(exc)
    if _PROXY_TLS not in reason and (advice := _tls_advice(call, reason)):
        return advice
    if proxy := proxy_of(request):
        return proxy.failed(exc)
    if isinstance(exc, httpx.ProxyError):
        if _has(f": {reason}", _PROXY_WANTS_LOGIN):
            return _GATEWAY[_PROXY_LOGIN]
        return f"; the proxy of {GIVEN} does not connect to the server"
    return _server_advice(call, request, exc)


def reason_of(exc: BaseException) -> str:
    """Return the text of an exception; if it has none, as httpx's of TLS on trio, that of its cause."""
    each: BaseException | None = exc
    while each is not None and not str(each):
        each = each.__cause__ or each.__context__
    return type(exc).__name__ if each is None else str(each)


def _tls_advice(call: Call[Any, Any], reason: str) -> str:
    transport = f"{'Async' if call.settings.is_async else ''}HTTPTransport(ssl_context=...)"
    if wrong := _wrong_certificate(reason):
        return f"; the server's certificate {wrong}"
    if _has(reason, _UNTRUSTED):
        give = f"give transport={transport}" if call.settings.own_transport else f"let {GIVEN} trust it (verify=)"
        return (
            "; the server's certificate is not trusted: name the certificate of its authority in SSL_CERT_FILE, or "
            + give
        )
    if _has(reason, _NO_TLS):
        return "; the server does not speak TLS there: use http:// in the host"
    if _has(reason, _REFUSED):
        return (
            "; the server refuses the TLS of this client: if it demands a client certificate, give one that it accepts to "
            f"load_cert_chain() of an ssl.SSLContext, and that to {transport if call.settings.own_transport else GIVEN}"
        )
    return ""


def _wrong_certificate(reason: str) -> str:
    """What is wrong with a certificate, if it is not its authority; ``""`` otherwise."""
    if _has(reason, ("mismatch", "not valid for")):
        return "is for another name: use the name that it is for as the host"
    return (
        "has expired: its owner must renew it, unless the clock of this machine is wrong" if "expired" in reason else ""
    )


def _server_advice(call: Call[Any, Any], request: httpx.Request, exc: Exception) -> str:
    """The advice about a request that went to the server without a known proxy."""
    reason = reason_of(exc)
    uds = _noted(request, "uds")
    host = str(request.url.copy_with(raw_path=b"/")).rstrip("/")
    place = host if uds is None else f"the Unix socket {uds!r}"
    if _is_at_ollama_com(request):  # the user cannot start this server
        return f"; {host} cannot be reached: check the network connection of this machine"
    if _has(reason, _UNRESOLVED):
        return (
            f"; no address is known for {request.url.host}: check the host (OLLAMA_HOST, host=), or the network's DNS"
        )
    if isinstance(exc, httpx.RemoteProtocolError) and "closed" not in reason:
        check = "check host and port" if uds is None else "check uds="
        return f"; what answers at {place} does not speak HTTP as Ollama does: {check}"
    if isinstance(exc, httpx.ConnectError) and not _has(reason, _BROKEN_OFF):
        if uds is not None:
            return f"; does a server listen on {place}? check uds=, and whether it accepts connections"
        reaches = "" if call.settings.own_transport else f", and does {GIVEN} reach it"
        return f"; is Ollama running at {host}{reaches}? `ollama serve` starts it"
    perhaps = (
        "use https:// in the host if it speaks TLS there"
        if request.url.scheme == "http"
        else "use http:// in the host if it does not speak TLS there"
    )
    return f"; {place} accepted the connection and then broke it off: look at the server's log, or {perhaps}"


def broken_off(call: Call[Any, Any], request: httpx.Request, exc: Exception | None, items: int = 0) -> tuple[str, str]:
    """Say how a reply ended before it was complete, and what to do.

    Args:
        call: The call.
        request: The request as it was sent.
        exc: The exception of the transport; ``None`` for a clean end of the body.
        items: How many items of a stream had arrived.
    """
    if exc is not None and not isinstance(exc, httpx.TransportError):
        return failed_transport(call, exc), "see the cause of this error"
    how = "the body ended" if exc is None else "the connection was lost"
    if exc is None and call.operation.name == _ANY_ROUTE:
        return how, _IN_ONE_PIECE if items <= 1 else _NO_LAST
    who = f"{proxy} or the server behind it" if (proxy := proxy_of(request)) else "the model or the server"
    return how, f"{who} may have stopped: look at the server's log, then try again"


def failed_transport(call: Call[Any, Any], exc: Exception) -> str:
    """Return a clause about an exception that is none of httpx's for a connection, so it says nothing about the server."""
    who = "the transport" if call.settings.own_transport else GIVEN
    return f"{who} failed ({type(exc).__name__}{f': {exc}' if str(exc) else ''})"


def not_json_advice(call: Call[Any, Any], text: str = "") -> str:
    """Return a clause with advice about a body that has not the format of a reply.

    Args:
        call: The call.
        text: The beginning of the body, if a reply in one piece was due.
    """
    found = "sse" if _EVENT.match(text) else "ndjson" if _LINES.match(text) else ""
    if found and call.operation.name == _ANY_ROUTE:
        return f'; the server streams: give stream="{found}" and last=..., or put "stream": False into json='
    if found and call.operation.streaming is not None and call.operation.streaming.is_asked_for:
        return "; the server streams: give stream=True to the method, and not in extra_body="
    if proxy := proxy_of(call.request):
        return proxy.answered
    return "; is something other than Ollama answering there?"


def unreached(request: httpx.Request) -> str:
    """Return a clause about a proxy that took no connection in time; ``""`` for a server."""
    proxy = proxy_of(request)
    return "" if proxy is None else f"{proxy} could not be reached; check it, or allow a longer connect="


# Proxies


class _Proxy(NamedTuple):
    """The proxy of a request, in messages.

    Attributes:
        url: Its URL, without user name and password.
        named_by: The variable of the environment that names it, or ``proxy=``.
        server: The host of the server.
    """

    url: str
    named_by: str
    server: str

    def __str__(self) -> str:
        return f"the proxy {self.url} that {self.named_by} names"

    def _said(self, said: str) -> str:
        from ollama_sdk._transport.environment import variable  # imported only for errors

        is_given = self.named_by.endswith("=")
        without = f"leave out {self.named_by} to call" if is_given else f"{variable('no_proxy')}={self.server} calls"
        return f"; it went through {self}{said} {without} the server without it"

    @property
    def login(self) -> str:
        """The clause about a login that it requires."""
        scheme = self.url.partition("://")[0]
        where = self.named_by if self.named_by.endswith("=") else "the variable"
        return self._said(f": it requires a login, which belongs in {where}: {scheme}://user:password@host:port;")

    @property
    def answered(self) -> str:
        """The clause about its answer in place of the server's."""
        return self._said(", which seems to have answered instead of the server:")

    def failed(self, exc: Exception) -> str:
        """The clause about a request for which there was no usable response."""
        reason = reason_of(exc)
        if _has(reason, _PROXY_WANTS_LOGIN):
            return self.login
        if _has(reason, _UNRESOLVED):
            said = "no address is known for it: check its name;"
        elif _PROXY_TLS in reason and (wrong := _wrong_certificate(reason)):
            said = f"its certificate {wrong};"
        elif _PROXY_TLS in reason and _has(reason, _UNTRUSTED):
            said = (
                "its certificate is not trusted: name that of its authority in SSL_CERT_FILE, or give "
                "httpx.Proxy(url, ssl_context=...) as proxy=;"
            )
        elif _PROXY_TLS in reason and _has(reason, _NO_TLS):
            said = "it does not speak TLS: is its URL http://?"
        elif isinstance(exc, httpx.ProxyError):
            said = "it does not connect to the server: does the server run, and does the proxy allow it?"
        elif isinstance(exc, httpx.RemoteProtocolError) and "closed" not in reason:
            said = "what answered does not speak HTTP: check scheme and port of the proxy;"
        elif isinstance(exc, httpx.ConnectError) and not _has(reason, _BROKEN_OFF):
            said = "is that proxy running?"
        else:
            said = "it broke the connection off, or the server behind it did;"
        return self._said(f": {said}")


def proxy_of(request: httpx.Request) -> _Proxy | None:
    """Return the proxy that a request went through; ``None`` without one, or if a caller's transport does not say."""
    proxy = _noted(request, "proxy")
    return None if proxy is None else _Proxy(str(proxy), proxy.named_by, request.url.host)


def _noted(request: httpx.Request, name: str) -> Any:
    """What this package's transport has noted about the way of a request; in that of a caller's httpx client, if it was copied."""
    noted = request.extensions.get(name)
    sent = request.extensions.get("sent")
    return noted if noted is not None or sent is None else sent.extensions.get(name)
