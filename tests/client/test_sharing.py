"""One client serves many threads, tasks and processes."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import anyio
import pytest

from ollama_sdk import AsyncOllama, Ollama, Timeout
from ollama_sdk.testing import Emulator
from tests.support.library import library
from tests.support.loopback import PATIENCE

THREADS = 20
CALLS = 20


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion"])
        server.reply(lambda prompt: ["You said ", prompt.text])
        yield server


@pytest.fixture
def server(emulator):
    emulator.requests.clear()
    return emulator


def question(text):
    return [{"role": "user", "content": text}]


# Threads and tasks


def test_twenty_threads_may_share_one_sync_client(server):
    with Ollama(server.url) as client:

        def talk(thread):
            answers = []
            for call in range(CALLS):
                text = f"{thread}.{call}"
                if call % 2:
                    with client.chat("llama3.2", question(text), stream=True) as stream:
                        answers.append((text, "".join(item.message.content for item in stream)))
                else:
                    answers.append((text, client.chat("llama3.2", question(text)).message.content))
            return answers

        with ThreadPoolExecutor(THREADS) as threads:
            talks = list(threads.map(talk, range(THREADS)))
    assert len(server.requests) == THREADS * CALLS
    assert all(answer == f"You said {text}" for answers in talks for text, answer in answers)


def test_threads_leave_streams_early_without_side_effects(server):
    with Ollama(server.url) as client:

        def talk(thread):
            with client.chat("llama3.2", question(str(thread)), stream=True) as stream:
                next(stream)
            return client.chat("llama3.2", question(str(thread))).message.content

        with ThreadPoolExecutor(THREADS) as threads:
            assert list(threads.map(talk, range(THREADS))) == [f"You said {thread}" for thread in range(THREADS)]


def test_threads_may_make_views_of_a_shared_client(server):
    with Ollama(server.url) as client:

        def call(number):
            with client.with_options(headers={"X-Number": str(number)}) as view:
                view.version()

        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(call, range(THREADS)))
    assert {request.headers["x-number"] for request in server.requests} == {str(number) for number in range(THREADS)}


@pytest.mark.anyio
async def test_many_tasks_may_share_one_async_client(server):
    answers = {}
    async with AsyncOllama(server.url) as client:

        async def talk(text):
            async with await client.chat("llama3.2", question(text), stream=True) as stream:
                answers[text] = "".join([item.message.content async for item in stream])

        async with anyio.create_task_group() as tasks:
            for number in range(THREADS * 2):
                tasks.start_soon(talk, str(number))
    assert answers == {str(number): f"You said {number}" for number in range(THREADS * 2)}


# Processes


def configured(client):
    return client._runtime.settings


@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
def test_a_client_pickles_as_its_configuration(make):
    original = make(
        "https://gpu-1:1234/ollama",
        api_key="key",
        headers={"X-A": "1"},
        timeout=Timeout(first_item=3),
        max_item_bytes=77,
    )
    copy = pickle.loads(pickle.dumps(original))
    assert type(copy) is make
    kept, given = vars(configured(copy)), vars(configured(original))
    assert kept == given | {"headers_of": kept["headers_of"]}


def test_a_pickled_client_ignores_the_environment_it_wakes_up_in(monkeypatch):
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    data = pickle.dumps(Ollama("gpu-1"))
    monkeypatch.setenv("OLLAMA_HOST", "gpu-2")
    monkeypatch.setenv("OLLAMA_API_KEY", "key of another")
    copy = pickle.loads(data)
    assert copy.base_url.host == "gpu-1"
    assert not configured(copy).api_key


def test_a_view_pickles_with_its_own_settings():
    copy = pickle.loads(
        pickle.dumps(Ollama("gpu-1", headers={"X-A": "1"}).with_options(timeout=3, headers={"X-B": "2"}))
    )
    assert configured(copy).timeout == Timeout(total=3)
    assert configured(copy).headers == {"X-A": "1", "X-B": "2"}


class Picklable(library.BaseTransport):
    def handle_request(self, request):
        return library.Response(200, json={"version": "by transport"})


def test_a_transport_travels_along_if_it_can(server):
    copy = pickle.loads(pickle.dumps(Ollama(server.url, transport=Picklable())))
    assert copy.version().version == "by transport"


def test_what_cannot_travel_says_so():
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(Ollama(transport=library.MockTransport(lambda request: library.Response(200))))


def test_a_pickled_client_works_while_the_original_does(server):
    with Ollama(server.url) as client:
        client.version()
        with pickle.loads(pickle.dumps(client)) as copy:
            assert copy.version() == client.version()
        client.version()


def test_clients_replies_and_errors_cross_process_boundaries(server):
    context = multiprocessing.get_context("spawn")
    with Ollama(server.url) as client, ProcessPoolExecutor(1, mp_context=context) as workers:
        reply = workers.submit(client.chat, "llama3.2", question("Hi")).result(PATIENCE)
        error = workers.submit(client.show, "no-such-model").exception(PATIENCE)
    assert reply.message.content == "You said Hi"
    assert "no-such-model" in str(error)


@pytest.mark.anyio
async def test_a_pickled_async_client_works(server):
    async with pickle.loads(pickle.dumps(AsyncOllama(server.url))) as copy:
        assert (await copy.version()).version == server.version
