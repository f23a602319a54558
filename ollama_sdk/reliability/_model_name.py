"""Writes a model's name in full, so that two names of the same model compare equal."""

from __future__ import annotations

import functools
import re

__all__ = ["full_name"]

_SCHEME = re.compile("^https?://")


@functools.lru_cache(maxsize=1024)
def full_name(model: str) -> str:
    """The name as Ollama compares it: ``host/namespace/model:tag`` in lower case, with the defaults filled in."""
    head, _, last = _SCHEME.sub("", model.lower()).rpartition("/")
    host, _, namespace = head.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{host or 'registry.ollama.ai'}/{namespace or 'library'}/{name}:{tag or 'latest'}"
