"""What the emulated server has on its disk: models, blobs, and a registry to pull from."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import Attribute, define, evolve, field, frozen

from ollama_sdk.testing._model.names import ModelName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ollama_sdk.testing.script import Speed

__all__ = ["Blobs", "Capability", "Layer", "Model", "Models", "Registry"]

Capability = Literal["completion", "tools", "insert", "vision", "embedding", "thinking", "audio"]

_TEMPLATE = "{{ if .System }}{{ .System }}\n{{ end }}{{ if .Prompt }}{{ .Prompt }}\n{{ end }}{{ .Response }}"
_MEGABYTE = 2**20


@frozen
class Layer:
    """One blob of a model: ``digest`` is ``sha256:`` and 64 hexadecimal digits, ``size`` is in bytes."""

    digest: str
    size: int

    @classmethod
    def of(cls, text: str, size: int | None = None) -> Layer:
        """The layer that a text stands for; as long as the text unless a size is given."""
        return cls(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", len(text) if size is None else size)


def _known(_: Model, attribute: Attribute[tuple[Capability, ...]], value: tuple[Capability, ...]) -> None:
    known = get_args(Capability)
    if not set(value) <= set(known):
        raise ValueError(f"{attribute.name}={list(value)!r}; a model can have some of {', '.join(known)}")


@define(kw_only=True)
class Model:
    """A model that is there.

    Attributes:
        name: Its full name.
        capabilities: What it can do; a request for anything else is refused as the server refuses it.
        family: What ``details`` says of its architecture; so do ``parameter_size`` and ``quantization_level``.
        context_length: Tokens.
        embedding_length: Numbers in a vector.
        template: What ``show`` answers; so do ``system``, ``license``, ``parameters`` and ``messages``.
        parent: The model it was made from; ``""`` without one.
        speed: How fast it answers; the server's own when ``None``.
        broken: Why its runner dies while loading; ``None`` for a sound model.
        layers: The blobs it consists of.
        modified_at: Seconds since the epoch.
    """

    name: ModelName
    capabilities: tuple[Capability, ...] = field(default=("completion",), validator=_known)
    family: str = "llama"
    parameter_size: str = "1.2B"
    quantization_level: str = "Q4_K_M"
    context_length: int = 4096
    embedding_length: int = 384
    template: str = _TEMPLATE
    system: str = ""
    license: str = ""
    parameters: Mapping[str, Any] = field(factory=dict[str, Any])
    messages: tuple[Mapping[str, Any], ...] = ()
    parent: str = ""
    speed: Speed | None = None
    broken: str | None = None
    layers: tuple[Layer, ...] = ()
    modified_at: float = field(factory=time.time)

    def __attrs_post_init__(self) -> None:
        if not self.layers:
            key = self.name.key
            self.layers = (Layer.of(f"weights of {key}", 16 * _MEGABYTE), Layer.of(f"configuration of {key}"))

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(layer.size for layer in self.layers)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        content = "".join(layer.digest for layer in self.layers)
        return hashlib.sha256(content.encode()).hexdigest()


class Models:
    """The models that are there, by name; safe to use from any thread."""

    def __init__(self) -> None:
        self._by_key: dict[str, Model] = {}
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        *,
        capabilities: Iterable[Capability] = ("completion",),
        replace: bool = True,
        **properties: Any,
    ) -> Model:
        """Put a model there.

        Args:
            name: As a user writes it, ``"llama3.2"`` or ``"hf.co/org/model:Q4_K_M"``.
            capabilities: What it can do.
            replace: Whether a model of that name gives way; otherwise it stays as it is.
            properties: Any further attribute of :class:`Model`.

        Raises:
            ValueError: When Ollama would not accept the name, or no model has such a capability.
        """
        parsed = _parsed(name)
        model = Model(name=parsed, capabilities=tuple(capabilities), **properties)
        with self._lock:
            if replace:
                self._by_key[parsed.key] = model
            return self._by_key.setdefault(parsed.key, model)

    def put(self, model: Model) -> None:
        """Put a finished model there, over the one of the same name."""
        with self._lock:
            self._by_key[model.name.key] = model

    def copy(self, source: Model, name: ModelName) -> None:
        """Give a model a second name."""
        self.put(evolve(source, name=name, modified_at=time.time()))

    def get(self, name: str | ModelName) -> Model | None:
        """The model of that name, if it is there."""
        parsed = ModelName.parse(name) if isinstance(name, str) else name
        with self._lock:
            return None if parsed is None else self._by_key.get(parsed.key)

    def remove(self, name: str | ModelName) -> bool:
        """Take a model away; whether it was there."""
        parsed = ModelName.parse(name) if isinstance(name, str) else name
        with self._lock:
            return parsed is not None and self._by_key.pop(parsed.key, None) is not None

    def clear(self) -> None:
        """Take every model away."""
        with self._lock:
            self._by_key.clear()

    def __iter__(self) -> Iterator[Model]:
        with self._lock:
            return iter(sorted(self._by_key.values(), key=lambda model: -int(model.modified_at)))

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        return len(self._by_key)


@frozen
class _Absence:
    error: str
    at: Literal["manifest", "layer"]


class Registry:
    """What can be pulled: every name, except those that were removed."""

    def __init__(self) -> None:
        self._absent: dict[str, _Absence] = {}
        self._offers: dict[str, Model] = {}

    def add(self, name: str, *, capabilities: Iterable[Capability] = ("completion",), **properties: Any) -> None:
        """Decide what a pull of that name brings; without it, a model with the defaults of :class:`Model`."""
        parsed = _parsed(name)
        self._absent.pop(parsed.key, None)
        self._offers[parsed.key] = Model(name=parsed, capabilities=tuple(capabilities), **properties)

    def remove(
        self, name: str, *, error: str = "file does not exist", at: Literal["manifest", "layer"] = "manifest"
    ) -> None:
        """Let a pull of that name fail.

        Args:
            name: The model.
            error: The server's words.
            at: Whether already the manifest is missing, or one of its layers.
        """
        self._absent[_parsed(name).key] = _Absence(error, at)

    def failure(self, name: ModelName, at: Literal["manifest", "layer"]) -> str | None:
        """Why a pull fails at that point; ``None`` when it goes on."""
        absence = self._absent.get(name.key)
        return absence.error if absence is not None and absence.at == at else None

    def offer(self, name: ModelName) -> Model:
        """The model that a pull brings."""
        offered = self._offers.get(name.key)
        return evolve(offered, modified_at=time.time()) if offered else Model(name=name)


class Blobs:
    """Files by digest: those that were uploaded, and those that came with a pull."""

    def __init__(self) -> None:
        self._content: dict[str, bytes | None] = {}

    @staticmethod
    def digest(content: bytes) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def add(self, content: bytes) -> str:
        """Store a file; its digest."""
        digest = self.digest(content)
        self._content[digest] = content
        return digest

    def note(self, digest: str) -> None:
        """Remember that a file is there whose content nobody will ask for."""
        self._content.setdefault(digest, None)

    def get(self, digest: str) -> bytes | None:
        """The file of that digest, if it was uploaded."""
        return self._content.get(digest)

    def clear(self) -> None:
        """Forget every file."""
        self._content.clear()

    def __contains__(self, digest: str) -> bool:
        return digest in self._content


def _parsed(name: str) -> ModelName:
    parsed = ModelName.parse(name)
    if parsed is None:
        raise ValueError(f"not a model name: {name!r}")
    return parsed
