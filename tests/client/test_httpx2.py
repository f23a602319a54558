"""Clients and transports of httpx2 do what those of httpx do, and nothing imports httpx2 that was not asked to."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import httpx
import httpx2
import pytest

from ollama_sdk import (
    APIConnectionError,
    APITimeoutError,
    AsyncOllama,
    ConfigurationError,
    IncompleteReplyError,
    Ollama,
    OllamaError,
    Timeout,
)
from ollama_sdk._httpx2 import AsyncTransportOfHTTPX2, TransportOfHTTPX2
from ollama_sdk._transport.proxies import Proxy
from ollama_sdk.reliability import Failover, Retry, RetryTransport
from ollama_sdk.testing import Emulator, Fault
from tests.support import worlds
from tests.support.callers import Caller
from tests.support.loopback import Connection, chunk, replies, whole
from tests.support.transports import trusting

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
_ERRORS = [
    name for name, kind in vars(httpx).items() if isinstance(kind, type) and issubclass(kind, httpx.RequestError)
]
_HELLO = b"hello"
_DIGEST = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def _wire(world, library):
    return library.HTTPTransport() if world.kind == "sync" else library.AsyncHTTPTransport()


@pytest.fixture
def emulator():
    with Emulator(script={"models": ["m"]}) as emulator:
        yield emulator


@pytest.fixture(params=["transport", "http_client"])
def through(request, world):
    """Makes the arguments with which a client sends through a library."""
    with contextlib.ExitStack() as stack:

        def through(library):
            wire = _wire(world, library)
            if request.param == "transport":
                return {"transport": wire}
            return {"http_client": stack.enter_context(world.http_client(library, transport=wire))}

        yield through


@LIBRARIES
def test_calls_streams_and_uploads_go_through(world, emulator, through, library):
    with world.client(emulator.url, **through(library)) as client:
        assert client.version().version
        reply = client.chat("m", [{"role": "user", "content": "Hi"}])
        with client.chat("m", [{"role": "user", "content": "Hi"}], stream=True) as stream:
            assert "".join(part.message.content for part in stream) == reply.message.content
        assert client.upload_blob(_DIGEST, io.BytesIO(_HELLO)) == _DIGEST


@pytest.mark.parametrize("name", _ERRORS)
def test_each_error_becomes_the_one_of_httpx(caller: Caller, name: str):
    def fail(request):
        raise getattr(httpx2, name)("because", request=request)

    adapter = caller.wrap((TransportOfHTTPX2, AsyncTransportOfHTTPX2), httpx2.MockTransport(fail))
    with pytest.raises(getattr(httpx, name), match="because") as raised:
        caller.call(adapter, "GET", "http://a/x?y=1")
    assert type(raised.value) is getattr(httpx, name)
    assert raised.value.request.url == "http://a/x?y=1"
    assert isinstance(raised.value.__cause__, getattr(httpx2, name))


def _messages(world, library, through, script, serve, **options):
    """The class and the text of the error of one call."""
    server = serve(script)
    with world.client(server.url, **options, **through(library)) as client, pytest.raises(OllamaError) as raised:
        client.version()
    return type(raised.value), str(raised.value).replace(str(server.port), "PORT")


_SCRIPTS = {
    "cut": (
        lambda connection: connection.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        IncompleteReplyError,
    ),
    "empty": (Connection.request, APIConnectionError),
    "no HTTP": (lambda connection: connection.answer(b"SSH-2.0\r\n"), APIConnectionError),
    "redirect": (replies(whole(b"", 302, location="http://127.0.0.1:1/x")), OllamaError),
}


@pytest.mark.parametrize(("script", "kind"), _SCRIPTS.values(), ids=_SCRIPTS)
def test_failures_read_as_with_httpx(world, serve, through, script, kind):
    found = {_messages(world, library, through, script, serve) for library in (httpx, httpx2)}
    assert len(found) == 1
    assert issubclass(found.pop()[0], kind)


@LIBRARIES
@pytest.mark.parametrize("phase", ["first_item", "total"])
def test_limits_hold(world, serve, through, library, phase):
    server = serve(Connection.hold)
    with (
        world.client(server.url, timeout=Timeout(**{phase: 0.05}), **through(library)) as client,
        pytest.raises(APITimeoutError) as raised,
    ):
        client.version()
    assert raised.value.phase == phase


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # generators of theirs, on trio
@LIBRARIES
def test_a_body_that_trickles_is_bounded(world, serve, through, library):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = serve(lambda connection: (connection.answer(head), connection.trickle(chunk(b" "))))
    with (
        world.client(server.url, timeout=Timeout(total=0.2), **through(library)) as client,
        pytest.raises(APITimeoutError) as raised,
    ):
        client.version()
    assert raised.value.phase == "total"


@LIBRARIES
def test_policies_stand_over_it(world, emulator, library):
    emulator.faults.add(Fault.status(503), times=1)
    with world.client(emulator.url, transport=_wire(world, library), retry=Retry(initial=0.01)) as client:
        assert client.version().version
        assert all(each.reachable for each in worlds.health(client).check())
    assert len(emulator.requests) > 2


@LIBRARIES
def test_a_policy_of_its_own_takes_it(emulator, library):
    emulator.faults.add(Fault.status(503), times=1)
    transport = RetryTransport(library.HTTPTransport(), Retry(initial=0.01))
    with httpx.Client(transport=transport) as client:
        assert client.get(f"{emulator.url}/api/version").status_code == 200
    assert len(emulator.requests) == 2


@LIBRARIES
def test_a_hook_that_raises_for_a_status_is_retried(emulator, library):
    emulator.faults.add(Fault.status(503), times=1)
    hooks = {"response": [lambda response: response.raise_for_status()]}
    with (
        library.Client(event_hooks=hooks, trust_env=False, verify=trusting()) as http_client,
        Ollama(emulator.url, http_client=http_client, retry=Retry(initial=0.01)) as client,
    ):
        assert client.version().version
    assert len(emulator.requests) == 2


@LIBRARIES
def test_failover_sends_an_upload_again(world, emulator, library):
    hosts = ["127.0.0.1:9", emulator.url]
    with world.client(hosts, transport=_wire(world, library), failover=Failover(), retry=Retry(initial=0.01)) as client:
        client.upload_blob(_DIGEST, _HELLO)


@LIBRARIES
def test_its_timeouts_and_proxies_are_taken(library):
    parts = library.Timeout(connect=1, read=2, write=3, pool=4)
    with library.Client(timeout=7) as mine, library.Client() as plain:
        for client, limits in (
            (Ollama(timeout=parts), Timeout(connect=1, first_item=2, between_items=2)),
            (Ollama(http_client=mine), Timeout(connect=7, first_item=7, between_items=7)),
            (Ollama(http_client=plain), Timeout()),
        ):
            assert client._runtime.settings.timeout == limits
    proxy = Proxy(library.Proxy("http://gateway:3128", auth=("user", "password")))
    assert (proxy.host, proxy.port, proxy.user) == ("gateway", 3128, (b"user", b"password"))


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (Ollama, {"transport": httpx2.AsyncHTTPTransport()}),
        (AsyncOllama, {"transport": httpx2.HTTPTransport()}),
        (Ollama, {"http_client": httpx2.AsyncClient()}),
        (AsyncOllama, {"http_client": httpx2.Client()}),
    ],
)
def test_what_is_of_the_other_kind_is_refused(make, wrong):
    with pytest.raises(
        ConfigurationError, match=r"give an (Async)?(HTTPTransport\(\.\.\.\), or an )?httpx\.\w+ or httpx2\."
    ):
        make(**wrong)


_PROGRAM = """
import sys
{first}
import ollama_sdk, ollama_sdk.reliability
with ollama_sdk.Ollama({url!r}, transport={transport}, retry=ollama_sdk.reliability.Retry()) as client:
    print(client.version().version != "", "httpx2" in sys.modules, client.base_url.__class__.__module__)
"""


@pytest.mark.parametrize(
    ("first", "transport", "printed"),
    [
        ("import httpx", "httpx.HTTPTransport()", "True False httpx"),
        ("import httpx2; httpx2.alias_httpx()", "httpx2.HTTPTransport()", "True True httpx2"),
        ("import httpx2; httpx2.alias_httpx()", "None", "True True httpx2"),
    ],
    ids=["httpx alone", "httpx2 in the place of httpx", "httpx2 in the place of httpx, our transport"],
)
def test_httpx2_is_imported_only_by_the_program(emulator, first, transport, printed):
    program = _PROGRAM.format(first=first, transport=transport, url=emulator.url)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (printed, "")
