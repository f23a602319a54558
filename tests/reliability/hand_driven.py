"""Drives one call of a policy step by step, without a transport."""

from __future__ import annotations

from typing import Any

import httpx

from ollama_sdk._concurrency.events import ThreadEvent
from ollama_sdk.reliability._driver import NEW_EVENT, Flow, Policy


def send(request: httpx.Request) -> Flow:
    """The innermost flow: yields the request to whatever drives the policy."""
    return (yield request)


class HandDriven:
    """One call of a policy, driven step by step.

    Attributes:
        step: What the call asks for: a request to send, a sleep or a wait; ``None`` when it has ended.
        response: What it ended with.
    """

    def __init__(self, policy: Policy, request: httpx.Request) -> None:
        self.flow = policy.flow(send, request)
        self.step: Any = None
        self.response: Any = None
        self.resume()

    def resume(self, result: Any = None) -> None:
        """Send ``result`` into the flow, or raise it there."""
        self.step = None
        try:
            step = self.flow.throw(result) if isinstance(result, BaseException) else self.flow.send(result)
            self.step = self.flow.send(ThreadEvent()) if step is NEW_EVENT else step
        except StopIteration as end:
            self.response = end.value

    @property
    def sends(self) -> bool:
        """Whether the call asks to send a request."""
        return isinstance(self.step, httpx.Request)
