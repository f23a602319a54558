"""Typed sync and async clients for Ollama: ``Ollama``, ``AsyncOllama``, their errors, streams and policies.

Names are imported when they are first used, so that ``import ollama_sdk`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._call.raw import RawResponse as RawResponse
    from ._generated.async_client import AsyncOllama as AsyncOllama
    from ._generated.sync_client import Ollama as Ollama
    from ._timeout import INHERIT as INHERIT
    from ._timeout import Timeout as Timeout
    from ._timeout import TimeoutLike as TimeoutLike
    from ._transport.aio import AsyncHTTPTransport as AsyncHTTPTransport
    from ._transport.sync import HTTPTransport as HTTPTransport
    from .errors import *
    from .reliability import Cache as Cache
    from .reliability import CircuitBreaker as CircuitBreaker
    from .reliability import Endpoint as Endpoint
    from .reliability import Failover as Failover
    from .reliability import HealthCheck as HealthCheck
    from .reliability import RateLimit as RateLimit
    from .reliability import Retry as Retry
    from .streaming import AsyncByteStream as AsyncByteStream
    from .streaming import AsyncStream as AsyncStream
    from .streaming import ByteStream as ByteStream
    from .streaming import ResponseHead as ResponseHead
    from .streaming import Stream as Stream
    from .streaming import StreamState as StreamState

_MODULES = {
    "AsyncHTTPTransport": "_transport.aio",
    "AsyncOllama": "_generated.async_client",
    "AsyncByteStream": "streaming",
    "AsyncStream": "streaming",
    "ByteStream": "streaming",
    "Cache": "reliability",
    "CircuitBreaker": "reliability",
    "Endpoint": "reliability",
    "Failover": "reliability",
    "HTTPTransport": "_transport.sync",
    "HealthCheck": "reliability",
    "INHERIT": "_timeout",
    "Ollama": "_generated.sync_client",
    "RateLimit": "reliability",
    "RawResponse": "_call.raw",
    "ResponseHead": "streaming",
    "Retry": "reliability",
    "Stream": "streaming",
    "StreamState": "streaming",
    "Timeout": "_timeout",
    "TimeoutLike": "_timeout",
}
_SUBMODULES = ("batch", "errors", "progress", "reliability", "streaming", "testing", "tools", "types")

_WITH_NAMES = ("types", "reliability", "tools", "batch", "progress")  # where a name may be that is missing here


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    elif name == "__all__":
        value = [*_MODULES, *import_module(".errors", __name__).__all__]
    elif name in _SUBMODULES:
        value = import_module(f".{name}", __name__)
    else:
        errors = import_module(".errors", __name__)
        if name not in errors.__all__:
            raise AttributeError(_explain(name), name=name, obj=import_module(__name__))
        value = getattr(errors, name)
    globals()[name] = value
    return value


def _explain(name: str) -> str:
    """The message about a name that does not exist, such as one of another client; says where to find it."""
    said = f"module {__name__!r} has no attribute {name!r}"
    if name.startswith("_"):  # Python itself and its tools look for many of these
        return said
    from importlib import import_module

    from ._generated.sync_client import Ollama
    from ._habits import explain_name

    places = (import_module(f".{module}", __name__) for module in _WITH_NAMES)
    place = next((each.__name__ for each in places if name in getattr(each, "__all__", dir(each))), "")
    return f"{said}{explain_name(name, place, is_of_client=hasattr(Ollama, name))}"


def __dir__() -> list[str]:
    from .errors import __all__ as errors

    return sorted([*_MODULES, *errors, *_SUBMODULES, "__version__"])
