"""The storage of the emulated server: its models, blobs, and a registry to pull from."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import Attribute, Factory, define, evolve, field, frozen

from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.templates import default_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ollama_sdk.testing.script import Speed

__all__ = ["Blobs", "Capability", "EmulatedModel", "Layer", "Models", "Registry"]

Capability = Literal["completion", "tools", "insert", "vision", "embedding", "thinking", "audio", "decision"]

_MEGABYTE = 2**20


@frozen
class Layer:
    """One blob of a model: ``digest`` is ``sha256:`` and 64 hexadecimal digits, ``size`` is in bytes."""

    digest: str
    size: int

    @classmethod
    def of(cls, text: str, size: int | None = None) -> Layer:
        """Return the layer with the digest of a text; its size is the text's unless one is given."""
        return cls(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", len(text) if size is None else size)


def _known(_: EmulatedModel, attribute: Attribute[tuple[Capability, ...]], value: tuple[Capability, ...]) -> None:
    known = get_args(Capability)
    if not set(value) <= set(known):
        raise ValueError(f"{attribute.name}={list(value)!r}; give some of {', '.join(known)}")


def _default_template(model: EmulatedModel) -> str:
    return default_template(model.capabilities)


@define(kw_only=True)
class EmulatedModel:
    """A model on the server.

    Attributes:
        name: Its full name.
        capabilities: Its capabilities; requests that need another one are refused as by Ollama.
        family: The architecture, in ``details``.
        parameter_size: The number of parameters, in ``details``.
        quantization_level: The kind of quantization, in ``details``.
        context_length: In tokens.
        embedding_length: The length of its vectors.
        template: The template of its prompts; by default one for its capabilities.
        system: The system prompt.
        license: The text of the license.
        parameters: The default options.
        messages: The messages that begin each chat.
        parent: The model it was created from; ``""`` without one.
        speed: The speed of its answers; ``None`` for the server's speed.
        broken: The error of its runner while loading; ``None`` if it loads.
        layers: Its blobs.
        modified_at: Seconds since the epoch.
    """

    name: ModelName
    capabilities: tuple[Capability, ...] = field(default=("completion",), validator=_known)
    family: str = "llama"
    parameter_size: str = "1.2B"
    quantization_level: str = "Q4_K_M"
    context_length: int = 4096
    embedding_length: int = 384
    template: str = Factory(_default_template, takes_self=True)
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
        """In bytes."""
        return sum(layer.size for layer in self.layers)

    @property
    def digest(self) -> str:
        """64 hexadecimal digits."""
        content = "".join(layer.digest for layer in self.layers)
        return hashlib.sha256(content.encode()).hexdigest()


class Models:
    """The models on the server, by name; thread-safe."""

    def __init__(self) -> None:
        self._by_key: dict[str, EmulatedModel] = {}
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        *,
        capabilities: Iterable[Capability] = ("completion",),
        replace: bool = True,
        **properties: Any,
    ) -> EmulatedModel:
        """Add a model.

        Args:
            name: The name in any form, such as ``"llama3.2"`` or ``"hf.co/org/model:Q4_K_M"``.
            capabilities: Its capabilities.
            replace: Whether to replace a model of that name; otherwise that model is kept.
            properties: Further attributes of :class:`EmulatedModel`.

        Returns:
            The model of that name.

        Raises:
            ValueError: Ollama would not accept the name, or a capability is unknown.
        """
        parsed = _parse(name)
        model = EmulatedModel(name=parsed, capabilities=tuple(capabilities), **properties)
        with self._lock:
            if replace:
                self._by_key[parsed.key] = model
            return self._by_key.setdefault(parsed.key, model)

    def put(self, model: EmulatedModel) -> None:
        """Add a model, or replace the one of its name."""
        with self._lock:
            self._by_key[model.name.key] = model

    def copy(self, source: EmulatedModel, name: ModelName) -> None:
        """Add a copy of a model under a second name."""
        self.put(evolve(source, name=name, modified_at=time.time()))

    def get(self, name: str | ModelName) -> EmulatedModel | None:
        """Return the model of that name; ``None`` if there is none."""
        parsed = ModelName.parse(name) if isinstance(name, str) else name
        with self._lock:
            return None if parsed is None else self._by_key.get(parsed.key)

    def remove(self, name: str | ModelName) -> bool:
        """Remove a model; return whether there was one."""
        parsed = ModelName.parse(name) if isinstance(name, str) else name
        with self._lock:
            return parsed is not None and self._by_key.pop(parsed.key, None) is not None

    def clear(self) -> None:
        """Remove every model."""
        with self._lock:
            self._by_key.clear()

    def __iter__(self) -> Iterator[EmulatedModel]:
        with self._lock:
            return iter(sorted(self._by_key.values(), key=lambda model: -int(model.modified_at)))

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        return len(self._by_key)


PullStage = Literal["manifest", "layer"]


class Registry:
    """The models that can be pulled: every name except removed ones."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, PullStage], str] = {}
        self._offers: dict[str, EmulatedModel] = {}

    def add(self, name: str, *, capabilities: Iterable[Capability] = ("completion",), **properties: Any) -> None:
        """Define the model that a pull of that name stores.

        Without a definition, a pull stores the model of that name on the server, or else one with the defaults.
        """
        parsed = _parse(name)
        for stage in get_args(PullStage):
            self._failures.pop((parsed.key, stage), None)
        self._offers[parsed.key] = EmulatedModel(name=parsed, capabilities=tuple(capabilities), **properties)

    def remove(self, name: str, *, error: str = "file does not exist", at: PullStage = "manifest") -> None:
        """Make pulls of that name fail.

        Args:
            name: The model.
            error: The error text.
            at: Whether the manifest is missing, or a layer.
        """
        self._failures[_parse(name).key, at] = error

    def failure(self, name: ModelName, at: PullStage) -> str | None:
        """Return the error with which a pull fails at that stage; ``None`` if it does not."""
        return self._failures.get((name.key, at))

    def offer(self, name: ModelName) -> EmulatedModel | None:
        """Return the model that was defined for pulls of that name; ``None`` without a definition."""
        return self._offers.get(name.key)


class Blobs:
    """Files by digest: uploaded, pulled or created."""

    def __init__(self) -> None:
        self._content: dict[str, bytes | None] = {}

    @staticmethod
    def digest(content: bytes) -> str:
        """Return ``sha256:`` and 64 hexadecimal digits."""
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    def add(self, content: bytes) -> str:
        """Store a file; return its digest."""
        digest = self.digest(content)
        self._content[digest] = content
        return digest

    def note(self, digest: str) -> None:
        """Record that a file exists, without its content."""
        self._content.setdefault(digest, None)

    def get(self, digest: str) -> bytes | None:
        """Return the content of an uploaded file; ``None`` if it is unknown."""
        return self._content.get(digest)

    def clear(self) -> None:
        """Remove every file."""
        self._content.clear()

    def __contains__(self, digest: str) -> bool:
        return digest in self._content


def _parse(name: str) -> ModelName:
    parsed = ModelName.parse(name)
    if parsed is None:
        raise ValueError(f"not a model name: {name!r}")
    return parsed
