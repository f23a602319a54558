"""An exception that a signal handler raises while a stream is read ends the stream; it never leaves it waiting for a reader."""

from __future__ import annotations

import contextlib
import sys
import threading

import httpx
import pytest

from ollama_sdk import Ollama, OllamaError
from tests.support.interrupts import Interrupts
from tests.support.loopback import PATIENCE
from tests.support.streamed import LAST, NDJSON, chat_item


def opened():
    body = chat_item() + LAST

    def answer(_):
        return httpx.Response(200, headers={"content-type": NDJSON}, stream=httpx.ByteStream(body))

    return Ollama("http://a", transport=httpx.MockTransport(answer)).chat("m", [], stream=True)


def read(stream):
    for _ in stream:
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of finalizers that were interrupted
@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_an_exception_at_any_moment_leaves_no_caller_waiting(error):
    if sys.gettrace() is not None:
        pytest.skip("another tracer runs")
    with Interrupts(0) as counted:
        read(opened())
    assert counted.moments > 20
    for moment in range(1, counted.moments + 1):
        stream = opened()
        with contextlib.suppress(error, OllamaError), Interrupts(moment, error):
            read(stream)

        def goes_on(stream=stream):
            with contextlib.suppress(OllamaError):
                read(stream)

        reader = threading.Thread(target=goes_on, daemon=True)
        reader.start()
        reader.join(PATIENCE)
        assert not reader.is_alive(), f"moment {moment}"
