"""Asks one endpoint for its version and its models, without doing I/O itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from attrs import field, frozen

from ollama_sdk._secrets import redact
from ollama_sdk._timeout import Deadlines, Timeout

from . import _checks
from ._failures import described
from ._model_name import full_name

if TYPE_CHECKING:
    from ollama_sdk._concurrency.clock import Clock

    from .endpoint import Endpoint

__all__ = ["EndpointCheck", "EndpointHealth", "HealthCheck"]


@frozen
class HealthCheck:
    """How endpoints are checked.

    A check sends each endpoint three small requests. It shows that a server answers, not that a model runs: only the circuit
    breaker detects a stalled GPU behind a server that answers. For one local Ollama call ``client.health.check()`` if in doubt;
    for a fleet run the monitor at the default interval.

    Attributes:
        interval: Seconds from one check of the monitor to the next. A new interval applies from the next check on.
        timeout: Seconds that one endpoint may take for all three answers together.
        version_path: The path that returns the version.
        models_path: The path that returns the list of models.
        running_path: The path that returns the list of loaded models.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    interval: float = field(default=10.0, validator=_checks.positive)
    timeout: float = field(default=5.0, validator=_checks.positive)
    version_path: str = field(default="/api/version", validator=_checks.path)
    models_path: str = field(default="/api/tags", validator=_checks.path)
    running_path: str = field(default="/api/ps", validator=_checks.path)


@frozen
class EndpointHealth:
    """The result of checking one endpoint.

    Two names of one model, as ``copy`` makes them, share a loaded runner, but the server lists only the name that loaded it. Both
    have the same digest, so both count as loaded. A model that ``create(from_=...)`` made with another system message, template or
    options has the same weights but another digest. Whether it shares the runner cannot be seen from outside, so it counts as
    loaded only if the server lists its name. If a server sends no digests, names are compared.

    Attributes:
        endpoint: Base URL.
        checked_at: When the check began, in seconds on the monotonic clock.
        reachable: Whether the endpoint returned its version.
        version: The server's version; ``None`` without an answer.
        latency: Seconds until the version arrived; ``None`` without an answer.
        models: Names of its models; ``None`` without an answer.
        running: Names of its loaded models, with all names of the same digest; ``None`` without an answer.
        model_available: Whether it has the model given to the check; ``None`` without a model or an answer.
        model_loaded: Whether it has that model loaded, under this name or another one of the same digest; ``None`` likewise.
            If ``False``, a runner may still hold the same weights under another digest.
        error: The first error; ``None`` without one.
    """

    endpoint: str
    checked_at: float
    reachable: bool = False
    version: str | None = None
    latency: float | None = None
    models: frozenset[str] | None = None
    running: frozenset[str] | None = None
    model_available: bool | None = None
    model_loaded: bool | None = None
    error: str | None = None


class EndpointCheck:
    """One check of one endpoint: makes the requests and takes the answers. It does no I/O, and does not fail."""

    def __init__(self, endpoint: Endpoint, config: HealthCheck, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._started = self._asked_at = clock.monotonic()
        limits = Timeout(connect=None, first_item=None, between_items=None, total=config.timeout)
        self._deadlines = Deadlines(limits, clock)
        self._requests = [
            (config.running_path, self._note_running),
            (config.models_path, self._note_models),
            (config.version_path, self._note_version),
        ]
        self._path = ""
        self._request = httpx.Request("GET", endpoint.url)  # the latest
        self._note = self._note_version
        self._seen: dict[str, Any] = {}
        self._digests: dict[str, str] = {}  # the digests of the endpoint's models, by name

    def next_request(self) -> httpx.Request | None:
        """The request to send next; ``None`` after the last one, or after an error."""
        self._asked_at = self._clock.monotonic()
        if not self._requests or "error" in self._seen:
            return None
        path, self._note = self._requests.pop()
        request = self._request = httpx.Request(
            "GET",
            self._endpoint.url + path,
            headers=[(b"Accept", b"application/json"), *self._endpoint.own_headers()],
            extensions={
                "timeout": self._deadlines.extension(),
                "deadline": self._deadlines.total_at,
                "deadlines": self._deadlines,
                "stream": False,
            },
        )
        self._path = request.url.path
        return request

    def seconds_left(self) -> float:
        """Seconds until the timeout."""
        return self._deadlines.left()

    def take(self, response: httpx.Response) -> None:
        """Note the answer to the latest request; its body has been read."""
        if not response.is_success:
            self._seen["error"] = f"{self._path}: {described(response, self._request)}"
            return
        try:
            self._note(json.loads(response.read()))
        except Exception as error:  # noqa: BLE001 - not JSON, nested too deeply, a number too large, another shape ...
            self._seen["error"] = f"{self._path}: not the answer of an Ollama server: {described(error, self._request)}"

    def take_error(self, error: Exception) -> None:
        """Note that the latest request failed."""
        if self.seconds_left() > 0:
            self._seen["error"] = described(error, self._request)
        else:
            self.time_out()

    def time_out(self) -> None:
        """Note that the timeout has passed."""
        self._seen.setdefault("error", "no answer in time")

    def result(self, model: str | None) -> EndpointHealth:
        """The result so far, also for ``model``."""
        seen = self._seen.copy()  # a thread that timed out may still add to it
        return EndpointHealth(
            self._endpoint.url,
            self._started,
            model_available=_includes(seen.get("models"), model),
            model_loaded=_includes(seen.get("running"), model),
            **seen,
        )

    def _note_version(self, answer: Any) -> None:
        self._seen.update(
            version=redact(self._request, str(answer["version"])),
            latency=self._clock.monotonic() - self._asked_at,
            reachable=True,
        )

    def _note_models(self, answer: Any) -> None:
        self._digests = _digests(answer)
        self._seen["models"] = frozenset(self._digests)

    def _note_running(self, answer: Any) -> None:
        listed = _digests(answer)
        # The server lists only one name of each runner: the one that loaded it.
        loaded = {digest for digest in listed.values() if digest}
        same = [name for name, digest in self._digests.items() if digest in loaded]
        self._seen["running"] = frozenset([*listed, *same])


def _digests(answer: Any) -> dict[str, str]:
    """The digest of each listed model by name; ``""`` if the server sent none."""
    models: list[dict[str, Any]] = answer["models"] or []
    digests: dict[str, str] = {}
    for model in models:
        name, digest = model.get("name") or model.get("model"), model.get("digest") or ""
        if not isinstance(name, str) or not isinstance(digest, str):
            raise TypeError("a model's name or digest is not a string")
        digests[name] = digest
    return digests


def _includes(names: frozenset[str] | None, model: str | None) -> bool | None:
    if model is None or names is None:
        return None
    return full_name(model) in map(full_name, names)
