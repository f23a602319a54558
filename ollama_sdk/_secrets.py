r"""Keeps API keys out of messages: checks keys before they are sent, and redacts them in texts of servers.

Theory
------
A server, or a proxy in front of it, may echo the request: in an error body, a header, a status line, a redirect. Its texts
therefore pass through :func:`redact`, or one of the functions that use it, before they become part of a message, an attribute of
an error, an event or a log line. The data of replies is not changed.

*What is a secret* depends on the request as it was sent: the values of its headers that authenticate, and of query parameters with
such names. Not secret are values of fewer than eight characters, dummies such as Ollama's own ``ollama``, and parts of the address
that messages name anyway: redacting them would only make texts unreadable.

*How a secret is found.* Each of its characters may be written as itself or in any of the escapes of JSON, Python, URLs and HTML, also
nested. Besides, a key is found in Base64, as in a token of basic authentication, and in hexadecimal. So there is one pattern per
character; the first eight characters of a key are searched for together, and each further one is matched where the previous one
ended. That is linear, and also finds a truncated key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import string
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from .errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    class SecretText(Protocol):
        """A text that is hidden in its repr, such as Pydantic's ``SecretStr``."""

        def get_secret_value(self) -> str:
            """The text."""
            ...


__all__ = [
    "REDACTED",
    "Hidden",
    "check_headers",
    "check_key",
    "clean",
    "redact",
    "redact_data",
    "redact_url",
    "request_of",
]

REDACTED = "***"

# A bearer token is printable ASCII without blanks (RFC 6750, section 2.1); "" is no key.
_KEY = r"[!-~]*"
# RFC 9110, sections 5.6.2 and 5.5. Not every server and proxy forwards characters beyond ASCII.
_IN_HEADER_NAMES = f"!#$%&'*+-.^_`|~{string.digits}{string.ascii_letters}"

_AUTHENTICATES = "(?i)auth|key|token|secret|passw|cookie|credential|signature"
_SCHEMES = frozenset({"apikey", "basic", "bearer", "digest", "negotiate", "token"})
_SHORTEST = 8  # characters of a secret
# Values that people give if a key is required but not needed.
_DUMMIES = frozenset({
    "anything", "api-key", "changeme", "dummy-key", "fake-key", "localhost", "lm-studio", "my-api-key", "no-api-key",
    "no-key-required", "not-needed", "not-required", "ollama", "ollama-key", "password", "placeholder", "sk-no-key-required",
    "test-key", "undefined", "unused-key", "whatever", "your-api-key",
})  # fmt: skip
# A part of a key of at least eight characters is redacted if the text was cut off after it, a part of this length anywhere.
_LONG_PART = 16
_CUT = r"""\Z|[\s"'`<>)\]}*…\\%&,;]|\.\."""
_MOST_DEPTH = 20  # levels of JSON; real errors are not nested deeper


# Keys and headers that are given


class Hidden:
    """Holds a value that a traceback with local variables must not show."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return REDACTED


def check_key(given: Any, where: str = "api_key") -> str | None:
    """Return an API key as text.

    Args:
        given: Text, a secret of Pydantic, or ``None``.
        where: The name of the argument, for the error.

    Raises:
        ConfigurationError: It cannot be sent. The message does not show it.
    """
    key = given.get_secret_value() if hasattr(given, "get_secret_value") else given
    if key is None:
        return None
    if not isinstance(key, str):
        kind = type(key).__name__
        article = "" if kind.endswith("s") else "an " if kind[0] in "aeiou" else "a "
        raise ConfigurationError(f"{where} is {article}{kind}; give a str")
    if re.fullmatch(_KEY, key):
        return key
    if re.fullmatch(_KEY, key.strip()):
        raise ConfigurationError(f"{where} has blanks or line breaks around it; give the key without, as strip() does")
    if key.lower().startswith("bearer "):
        raise ConfigurationError(f"{where} begins with 'Bearer'; give only what follows it")
    raise ConfigurationError(f"{where} holds blanks, line breaks, or characters beyond ASCII; a key has none")


def check_headers(headers: Mapping[str, Any], where: str = "") -> None:
    """Check that headers can be sent.

    Args:
        headers: The headers, whose names are strings.
        where: The beginning of the error message.

    Raises:
        ConfigurationError: One cannot. The message does not show its value, which may be a secret.
    """
    for name, value in headers.items():
        if not name or name.strip(_IN_HEADER_NAMES):
            raise ConfigurationError(
                f"{where}the header {name!r} cannot be sent: a name holds only letters, digits and -"
            )
        if not isinstance(value, str):
            kind = "None" if value is None else f"of type {type(value).__name__}"
            instead = "a str, or leave it out: only extra_headers= of a call take None" if value is None else "a str"
            raise ConfigurationError(f"{where}the header {name!r} cannot be sent: its value is {kind}; give {instead}")
        stripped = value.strip()
        if not (stripped.isascii() and stripped.replace("\t", " ").isprintable()):
            problem = "holds line breaks, or characters beyond printable ASCII"
        elif stripped != value:
            problem = "has blanks or line breaks around it"
        else:
            continue
        raise ConfigurationError(f"{where}the header {name!r} cannot be sent: its value {problem}")


# Texts of servers


def redact(request: httpx.Request, text: str) -> str:
    """Return a text of a server without the secrets of the request, complete or truncated, in any escape."""
    if len(text) < _SHORTEST:  # such as the reason why a reply ended, which is redacted in every call
        return text
    return _replaced(text, _forms_of_request(request))


def redact_url(text: str) -> str:
    """Return a URL, or what is given as one, without anything that may be a password or a key: credentials, query and fragment."""
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text)
    scheme = found[0] if found else ""
    rest = text[len(scheme) :]
    place, _, secret = rest.replace("#", "?").partition("?")
    if "@" in secret:  # the place may hold the beginning of a password
        return f"{scheme}{REDACTED}"
    shown = f"{REDACTED}@{place.rpartition('@')[2]}" if "@" in place else place
    return f"{scheme}{shown}" + rest[len(place) :][:1] + REDACTED * (place != rest)


def redact_data(data: Any, redact: Callable[[str], str], depth: int = 0) -> Any:
    """A copy of decoded JSON with redacted texts; parts below 20 levels are left out."""
    if isinstance(data, str):
        return redact(data)
    if depth > _MOST_DEPTH:
        return None
    if _is_object(data):
        return {redact(name): redact_data(value, redact, depth + 1) for name, value in data.items()}
    if _is_list(data):
        return [redact_data(each, redact, depth + 1) for each in data]
    return data


def _is_object(data: Any) -> TypeGuard[dict[str, Any]]:
    return data.__class__ is dict


def _is_list(data: Any) -> TypeGuard[list[Any]]:
    return data.__class__ is list


def clean(error: BaseException, *requests: httpx.Request) -> None:
    """Redact, in place, an exception of another library and its causes: their texts and requests.

    If a secret is found in a text, the tracebacks are dropped, because local variables of their frames may hold it, too.

    Args:
        error: The exception.
        requests: The requests that may have caused it.
    """
    chain = list(_chain(error))
    own = (request for each in chain if (request := request_of(each)) is not None)
    forms = [form for request in {*requests, *own} for form in _forms_of_request(request)]
    for each in chain:
        with contextlib.suppress(Exception):  # an exception of another library may refuse changes
            _without_credentials(each)
        if forms and _clean_texts(each, forms):
            for other in chain:
                other.__traceback__ = None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, its causes and contexts, and the members of groups among them; each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += (each.__cause__, each.__context__)
        waiting += getattr(each, "exceptions", ())  # of a group


def request_of(error: BaseException) -> httpx.Request | None:
    """Return the request of an exception of httpx, if it has one."""
    try:
        request: httpx.Request | None = getattr(error, "request", None)
    except RuntimeError:  # httpx's errors raise this without a request
        return None
    return request if hasattr(request, "headers") else None


def _without_credentials(error: Any) -> None:
    """Replace the request of an exception by one without query and without headers that authenticate."""
    request = request_of(error)
    if request is not None:
        headers = [
            (name, value) for name, value in request.headers.items() if not _compiled(_AUTHENTICATES).search(name)
        ]
        error.request = type(request)(request.method, _address(request), headers=headers)


def _address(request: httpx.Request) -> httpx.URL:
    return request.url.copy_with(userinfo=b"", query=None)


def _clean_texts(error: BaseException, forms: list[_Form]) -> bool:
    """Redact the texts of one exception. Returns whether they held a secret."""
    found = False

    def cleaned(value: Any) -> Any:
        nonlocal found
        text = value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else value
        if not isinstance(text, str):
            return value
        redacted = _replaced(text, forms)
        found = found or redacted != text
        return value if redacted == text else redacted

    arguments = tuple(map(cleaned, error.args))
    attributes = {name: cleaned(value) for name, value in vars(error).items()}
    if found:
        error.args = arguments
        vars(error).update(attributes)
    return found


# The secrets of a request


class _Form:
    """One way to write a secret.

    Attributes:
        head: Finds the first characters.
        tail: Each finds one of the other characters.
    """

    def __init__(self, head: re.Pattern[str], tail: tuple[re.Pattern[str], ...]) -> None:
        self.head = head
        self.tail = tail

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """The positions of the secret in ``text``, complete or truncated."""
        start = 0
        while (found := self.head.search(text, start)) is not None:
            end, length = found.end(), _SHORTEST
            for character in self.tail:
                more = character.match(text, end)
                if more is None:
                    break
                end, length = more.end(), length + 1
            if length == _SHORTEST + len(self.tail) or length >= _LONG_PART or _compiled(_CUT).match(text, end):
                yield found.start(), end
                start = end
            else:
                start = found.start() + 1


def _replaced(text: str, forms: list[_Form]) -> str:
    for form in forms:
        spans = list(form.spans(text))
        for start, end in reversed(spans):
            text = f"{text[:start]}{REDACTED}{text[end:]}"
    return text


def _forms_of_request(request: httpx.Request) -> list[_Form]:
    secrets: set[str] = set()
    to_proxy: Any = request.extensions.get("proxy_headers", ())
    for sent in (request, request.extensions.get("sent", request)):
        for name, value in [*sent.headers.multi_items(), *sent.url.params.multi_items(), *to_proxy]:
            if _compiled(_AUTHENTICATES).search(name):
                secrets.update(_secrets_in(value))
    if not secrets:
        return []
    place = f"{_address(request)}"
    known = [each for each in secrets if len(each) >= _SHORTEST and each.lower() not in _DUMMIES and each not in place]
    # The longest first, because it may contain another.
    return [form for secret in sorted(known, key=len, reverse=True) for form in _forms(secret)]


def _secrets_in(value: str) -> Iterator[str]:
    """The secrets in a header that authenticates: a token, the password of basic authentication, or cookies."""
    scheme, _, token = value.partition(" ")
    yield token.strip() if scheme.lower() in _SCHEMES else value
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            yield base64.b64decode(token).decode().partition(":")[2]
    if "=" in value.rstrip("="):  # cookies, and the parameters of other schemes
        for part in re.split(r"[;,]\s*", value):
            yield part.partition("=")[2].strip('" ')


@lru_cache(maxsize=64)
def _forms(secret: str) -> tuple[_Form, ...]:
    written = [[_character(each) for each in secret]]
    raw = secret.encode()
    # In Base64 of a text that contains the secret, it begins at one of three offsets of a group.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        whole = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        written.append([_character(each, *{"+": "-", "/": "_"}.get(each, "")) for each in whole])
    written.append([f"[{each}{each.upper()}]" for each in raw.hex()])
    return tuple(
        _Form(re.compile("".join(each[:_SHORTEST])), tuple(_compiled(part) for part in each[_SHORTEST:]))
        for each in written
    )


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def _character(*alternatives: str) -> str:
    """The pattern of one character in every escape; each branch begins with a literal, which makes searching fast."""
    branches: list[str] = []
    for each in alternatives:
        number = ord(each)
        slashes = r"\\\\{0,3}"  # a nested escape has several
        digits = _hexadecimal(f"{number:x}")
        two, four = _hexadecimal(f"{number:02x}"), _hexadecimal(f"{number:04x}")
        names = f"|{_NAMED[each]}" if each in _NAMED else ""
        branches += [
            rf"{slashes}(?:u{four}|x{two}|u\{{0{{0,6}}{digits}\}})",
            "".join(f"%(?:25){{0,4}}{_hexadecimal(f'{byte:02x}')}" for byte in each.encode("utf-8", "surrogatepass")),
            rf"&(?:amp;){{0,4}}(?:#0{{0,6}}{number}|#[xX]0{{0,6}}{digits}{names});",
        ]
        if each == "\\":
            branches.append(r"\\(?:\\(?!u00|x[2-7])){0,3}")  # without the slash of a following escape
        elif not each.isalnum():
            branches.append(slashes + re.escape(each))
        branches.append(re.escape(each))  # last, because it may also begin an escape
        if each == " ":
            branches.append(r"\+")
    return f"(?:{'|'.join(branches)})"


def _hexadecimal(digits: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in digits)
