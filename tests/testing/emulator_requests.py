"""Holds request bodies that many tests send."""

from __future__ import annotations

CHAT = {"model": "llama3.2", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
