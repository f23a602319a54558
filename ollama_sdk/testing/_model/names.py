"""Parses and formats model names as Ollama does."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["ModelName"]

_HOST = "registry.ollama.ai"
_NAMESPACE = "library"
_TAG = "latest"
_SCHEME = re.compile(r"^https?://", re.IGNORECASE)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
_HOST_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:\-]*")
_LONGEST_PART = 80
_LONGEST_HOST = 350


@frozen
class ModelName:
    """A model name, ``host/namespace/model:tag``, with the defaults filled in."""

    host: str
    namespace: str
    model: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> ModelName | None:
        """Parse a name as a user writes it; ``None`` if it is not valid."""
        rest = _SCHEME.sub("", text)
        head, slash, last = rest.rpartition("/")
        model, _, tag = last.partition(":")
        host, _, namespace = head.rpartition("/") if slash else ("", "", "")
        name = cls(host or _HOST, namespace or _NAMESPACE, model, tag or _TAG)
        return name if name._is_valid() else None

    def _is_valid(self) -> bool:
        parts = (self.namespace, self.model, self.tag)
        if not all(len(part) <= _LONGEST_PART and _PART.fullmatch(part) for part in parts):
            return False
        return len(self.host) <= _LONGEST_HOST and _HOST_PART.fullmatch(self.host) is not None

    @property
    def key(self) -> str:
        """The full name in lower case, for comparison: names are case-insensitive."""
        return self.full.lower()

    @property
    def full(self) -> str:
        """All parts, as in ``registry.ollama.ai/library/llama3.2:latest``."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """The name in listings: without the default host and namespace, with the tag."""
        name = f"{self.model}:{self.tag}"
        if self.host != _HOST:
            return f"{self.host}/{self.namespace}/{name}"
        return name if self.namespace == _NAMESPACE else f"{self.namespace}/{name}"

    @property
    def is_cloud(self) -> bool:
        """Whether the model runs on ollama.com."""
        return self.tag == "cloud" or self.tag.endswith("-cloud")
