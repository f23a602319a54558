"""Wakes a waiting thread or task from anywhere, the garbage collector included."""

from __future__ import annotations

from typing import TypeVar

from ollama_sdk._concurrency.events import Event as AnySignal
from ollama_sdk._concurrency.events import TaskEvent as AsyncSignal
from ollama_sdk._concurrency.events import ThreadEvent as Signal

__all__ = ["AnySignal", "AsyncSignal", "Signal", "SignalT"]

SignalT = TypeVar("SignalT", bound=AnySignal)
