"""How Ollama reads a model name, and how it writes one back."""

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
    """``host/namespace/model:tag`` with what was left out filled in."""

    host: str
    namespace: str
    model: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> ModelName | None:
        """Read a name as a user writes it; ``None`` when it is not a valid one."""
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
        """The whole name in one case: names that differ in case only are the same model."""
        return self.full.lower()

    @property
    def full(self) -> str:
        """Every part, as in ``registry.ollama.ai/library/llama3.2:latest``."""
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def short(self) -> str:
        """As listings show it: the default host and namespace are left out, the tag never is."""
        name = f"{self.model}:{self.tag}"
        if self.host != _HOST:
            return f"{self.host}/{self.namespace}/{name}"
        return name if self.namespace == _NAMESPACE else f"{self.namespace}/{name}"

    @property
    def is_cloud(self) -> bool:
        """Whether the name asks for a model that runs on ollama.com."""
        return self.tag == "cloud" or self.tag.endswith("-cloud")
