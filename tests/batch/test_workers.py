"""What a process holds: one client for a configuration, so many requests in flight, nothing of its parent, no secret."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from attrs.exceptions import FrozenAttributeError

from ollama_sdk import Failover, RateLimit, Retry
from ollama_sdk.batch import Chat, Embed
from ollama_sdk.errors import BadRequestError, ConfigurationError
from ollama_sdk.testing import Emulator, Fault
from tests.support.forked import in_child
from tests.support.loopback import PATIENCE, Loopback, replies, whole


def embed(server: Emulator, **more) -> Embed:
    return Embed("all-minilm", **{"client": {"host": server.url}, **more})


def test_a_step_pickles_in_some_hundred_bytes():
    hosts = ["http://gpu-1:11434", "http://gpu-2:11434"]
    client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry()}
    step = Embed("all-minilm", client=client)
    data = pickle.dumps(step)
    assert len(data) < 1000
    assert pickle.loads(data) == step


def test_the_key_comes_from_a_variable_of_the_worker(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    step = embed(emulator, client={"host": emulator.url, "api_key_env": "KEY_OF_THE_WORKER"})
    with pytest.raises(ConfigurationError, match="KEY_OF_THE_WORKER, which is not set in this process"):
        step({"text": ["a"]})
    monkeypatch.setenv("KEY_OF_THE_WORKER", "s3cret")
    assert step({"text": ["a"]})["error"] == [None]
    assert emulator.requests[0].headers["authorization"] == "Bearer s3cret"
    assert b"s3cret" not in pickle.dumps(step)


def test_a_given_key_is_not_shown():
    step = Embed("all-minilm", client={"api_key": "s3cret", "headers": {"Authorization": "s3cret"}})
    assert "s3cret" not in repr(step)


@pytest.mark.parametrize("wrong", [{"hots": "http://gpu-1"}, {"http_client": None}, {"transport": None}], ids=str)
def test_a_client_that_cannot_be_made_elsewhere_is_refused(wrong: dict):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Embed("all-minilm", client=wrong)


def test_a_step_does_not_change_but_its_subclasses_may_hold_more():
    class OfAnEngine(Embed):
        def __init__(self, *args, **options) -> None:
            self.pool = "of the engine"
            super().__init__(*args, **options)

    step = OfAnEngine("all-minilm", in_flight=2)
    assert (step.pool, step.in_flight) == ("of the engine", 2)
    with pytest.raises(FrozenAttributeError):
        step.in_flight = 3


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"per_request": 0}, {"on_error": "skip"}], ids=str)
def test_numbers_and_words_are_checked(wrong: dict):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Embed("all-minilm", **wrong)


def test_all_batches_of_a_process_share_one_client(serve: Callable[..., Loopback]):
    body = whole(b'{"model":"all-minilm","embeddings":[[1.0,0.0]]}')
    server = serve(replies(*[body] * 6))
    for _ in range(3):
        step = Embed("all-minilm", client={"host": server.url}, in_flight=1)
        step({"text": ["a"]})
        pickle.loads(pickle.dumps(step))({"text": ["a"]})
    assert len(server.connections) == 1
    assert len([thread for thread in threading.enumerate() if thread.name == "ollama-sdk-batch"]) == 1


class Held:
    """Holds the requests of an emulator until the gate opens, and counts how many there are at once."""

    def __init__(self, server: Emulator) -> None:
        self.gate = threading.Event()
        self.count = self.most = 0
        server.faults.add(Fault("held", self._hold))

    async def _hold(self, interception) -> None:
        self.count += 1
        self.most = max(self.most, self.count)
        try:
            await asyncio.to_thread(self.gate.wait, PATIENCE)
            await interception.proceed()
        finally:
            self.count -= 1


def test_concurrent_batches_share_the_bound(emulator: Emulator):
    held = Held(emulator)
    step = embed(emulator, in_flight=3, per_request=1)
    with ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(step, {"text": [f"{number} {row}" for row in range(10)]}) for number in range(4)]
        assert emulator.requests.wait(3)
        held.gate.set()
        made = [batch.result() for batch in batches]
    assert [each["error"] for each in made] == [[None] * 10] * 4
    assert held.most == 3


def test_asking_for_the_length_of_vectors_takes_a_permit(emulator: Emulator):
    held = Held(emulator)
    step = embed(emulator, in_flight=1)
    with ThreadPoolExecutor(4) as pool:
        batches = [pool.submit(step, {"text": np.array([None])}) for _ in range(4)]
        assert emulator.requests.wait(1)
        held.gate.set()
        shapes = [batch.result()["embedding"].shape for batch in batches]
    assert shapes == [(1, 16)] * 4
    assert len(emulator.requests) == 1  # the others waited, and then it was known


def test_a_rate_limit_bounds_all_batches_of_the_process(emulator: Emulator):
    held = Held(emulator)
    client = {"host": emulator.url, "rate_limit": RateLimit(concurrent=2)}
    steps = [
        embed(emulator, client=client, in_flight=bound, per_request=1) for bound in (5, 9)
    ]  # two workers, one client
    with ThreadPoolExecutor(2) as pool:
        batches = [pool.submit(step, {"text": [f"{row}" for row in range(10)]}) for step in steps]
        assert emulator.requests.wait(2)
        held.gate.set()
        made = [batch.result() for batch in batches]
    assert [each["error"] for each in made] == [[None] * 10] * 2
    assert held.most == 2


def test_cancelling_a_batch_stops_generation(emulator: Emulator):
    emulator.reply(lambda _: itertools.repeat("on and on "))
    step = Chat("llama3.2", client={"host": emulator.url}, messages="{text}", in_flight=4)
    work = step.start([{"text": f"{number}"} for number in range(9)])
    assert emulator.requests.wait(4)
    work.cancel()
    assert emulator.requests.wait_ended(4)
    assert len(emulator.requests) == 4
    assert all(request.hung_up for request in emulator.requests)


def test_an_error_that_is_raised_stops_the_others(emulator: Emulator):
    emulator.reply(lambda _: itertools.repeat("on and on "))
    emulator.faults.add(Fault.status(400), when=lambda request: b"bad" in request.body)
    step = Chat("llama3.2", client={"host": emulator.url}, messages="{text}", in_flight=4, on_error="raise")
    with pytest.raises(BadRequestError):
        step({"text": ["a", "b", "bad"]})
    assert emulator.requests.wait_ended(len(emulator.requests))


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_a_process_that_is_killed_stops_generation(emulator: Emulator, ended_by: signal.Signals):
    emulator.reply(lambda _: itertools.repeat("on and on "))
    # What starts the tests may ignore Ctrl-C, and children inherit that.
    code = f"""
import signal
from ollama_sdk.batch import Chat
signal.signal(signal.SIGINT, signal.default_int_handler)
Chat("llama3.2", client={{"host": {emulator.url!r}}}, messages="{{text}}", in_flight=2)({{"text": ["a", "b", "c"]}})
"""
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        try:
            assert emulator.requests.wait(2, PATIENCE)
            process.send_signal(ended_by)
            assert process.wait(PATIENCE) != 0
        finally:
            process.kill()
    assert emulator.requests.wait_ended(2)
    assert len(emulator.requests) == 2


def test_ctrl_c_ends_asking_for_the_length_of_vectors(emulator: Emulator):
    emulator.faults.add(Fault.stall())
    code = f"""
import signal
import sys
import numpy
from ollama_sdk.batch import Embed
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    Embed("all-minilm", client={{"host": {emulator.url!r}}})({{"text": numpy.array([None])}})
except KeyboardInterrupt:
    sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as process:
        try:
            assert emulator.requests.wait(1, PATIENCE)
            process.send_signal(signal.SIGINT)
            assert emulator.requests.wait_ended(1)
            assert process.poll() is None
        finally:
            process.kill()


def test_nothing_is_written_at_the_end_of_a_process(emulator: Emulator):
    code = f"""
from ollama_sdk.batch import Embed
print(Embed("all-minilm", client={{"host": {emulator.url!r}}})({{"text": ["a"]}})["error"])
"""
    plain = {**os.environ, "PYTHONDEVMODE": ""}  # in which asyncio says how long a task took
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=plain, capture_output=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (b"[None]", b"")


def in_a_process(url: str) -> list:
    step = Embed("all-minilm", client={"host": url})
    return [step({"text": ["a", "b"]})["error"], os.getpid()]


def test_a_forked_child_has_a_client_of_its_own(emulator: Emulator):
    here = embed(emulator)
    assert here({"text": ["a"]})["error"] == [None]
    assert in_child(lambda: here({"text": ["a", "b"]})["error"]) == [None, None]
    assert here({"text": ["a"]})["error"] == [None]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_steps_run_in_pools_of_processes(emulator: Emulator, method: str):
    in_a_process(emulator.url)
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.map(in_a_process, [emulator.url] * 4)
    assert [error for error, _ in results] == [[None, None]] * 4
    assert os.getpid() not in {pid for _, pid in results}


def test_threads_may_share_a_step(emulator: Emulator):
    step = embed(emulator)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: step({"text": [f"{number}"] * 3}), range(40)))
    assert all(each["error"] == [None] * 3 for each in made)
