"""A client is configured by its arguments and environment, and making one makes no request."""

from __future__ import annotations

import json
import logging
import math
import re
import socket
from base64 import b64encode
from pathlib import Path

import anyio
import httpx
import pytest

from ollama_sdk import (
    AsyncHTTPTransport,
    AsyncOllama,
    ConfigurationError,
    Endpoint,
    Failover,
    HTTPTransport,
    Ollama,
    Timeout,
)
from tests.support.agreeing import Agreeing
from tests.support.library import library
from tests.support.loopback import PATIENCE

CLIENTS = pytest.mark.parametrize("make", [Ollama, AsyncOllama])
HOSTS = [
    pytest.param(row["OLLAMA_HOST"], row["connects_to"], id=repr(row["OLLAMA_HOST"]))
    for row in json.loads((Path(__file__).parent / "hosts.json").read_text())
]
USER = [{"role": "user", "content": "Hi"}]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
    for name in ["OLLAMA_HOST", "OLLAMA_API_KEY", *names, *map(str.upper, names)]:
        monkeypatch.delenv(name, raising=False)


# Where it connects to


@CLIENTS
@pytest.mark.parametrize(("host", "connects_to"), HOSTS)
def test_host_argument_is_read_like_ollama_host(make, host, connects_to):
    assert make(host).base_url == httpx.URL(connects_to)


@CLIENTS
@pytest.mark.parametrize(("host", "connects_to"), HOSTS)
def test_ollama_host_is_read_as_the_command_line_reads_it(make, host, connects_to, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", host)
    url = make().base_url
    assert (url.scheme, url.host, url.port, url.path) == _parts(connects_to)


def _parts(url):
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port, parsed.path


@CLIENTS
def test_host_defaults_to_the_local_server(make):
    assert str(make().base_url) == "http://127.0.0.1:11434"


@CLIENTS
def test_argument_has_precedence_over_the_environment(make, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "from-environment")
    assert make("from-argument").base_url.host == "from-argument"


@pytest.mark.parametrize("host", ["HTTP://example.com", "hTtPs://example.com"])
def test_the_scheme_is_read_in_any_case(host):
    assert Ollama(host).base_url.scheme == host.partition(":")[0].lower()


@pytest.mark.parametrize(
    "host",
    [
        "ftp://example.com",
        "unix:///run/ollama.sock",
        "two words",
        "http://example.com?model=x",
        "example.com#top",
        "host:80:90",
        "a:b:c",
        "\x00",
        "http://example.com/\x07",
        "xn--a",
    ],
)
@CLIENTS
def test_invalid_host_is_refused_at_once_and_quoted(make, host, monkeypatch):
    with pytest.raises(ConfigurationError) as refused:
        make(host)
    shown = re.sub(r"(?<=[?#]).+", "***", host)  # it may be a key
    assert repr(shown) in str(refused.value)
    monkeypatch.setenv("OLLAMA_HOST", host.replace("\x00", "\x01"))
    with pytest.raises(ConfigurationError):
        make()


@CLIENTS
@pytest.mark.parametrize("port", ["114340", "65536", "-1", "x", "1x"])
def test_a_url_whose_port_is_none_is_refused(make, port, monkeypatch):
    for host in (f"http://127.0.0.1:{port}", f"https://[::1]:{port}/x"):
        with pytest.raises(ConfigurationError, match=f"the port is '{port}'"):
            make(host)
        monkeypatch.setenv("OLLAMA_HOST", host)
        with pytest.raises(ConfigurationError, match=f"the port is '{port}'"):
            make()
    assert make("http://host:").base_url.port is None  # that of the scheme


@CLIENTS
@pytest.mark.parametrize("host", ["http://[::1", "http://::1]", "https://[::1/x", "http://[::1:11434"])
def test_a_url_that_lacks_a_bracket_names_the_bracket(make, host):
    with pytest.raises(ConfigurationError, match="the bracket has no partner"):
        make(host)


@CLIENTS
def test_several_hosts_without_failover_name_what_they_need(make):
    with pytest.raises(ConfigurationError) as refused:
        make(["http://gpu-1:11434", "http://gpu-2:11434"])
    assert "gpu-1:11434, http://gpu-2:11434) need failover=Failover(...)" in str(refused.value)
    assert "or give one host" in str(refused.value)
    assert "endpoints=" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "http://me:hunter2@example.com",
        "me:hunter2@example.com:1",
        "https://hunter2@x/y",
        "a,me:hunter2@b",
    ],
)
@CLIENTS
def test_credentials_in_the_host_are_refused_and_not_repeated(make, host):
    with pytest.raises(ConfigurationError, match="api_key=") as refused:
        make(host)
    assert "hunter2" not in str(refused.value)


@CLIENTS
@pytest.mark.parametrize("host", ["http://a:1,http://b:1", "gpu-1,gpu-2", "http://me:hunter2@a,http://b"])
def test_hosts_in_one_text_are_refused_for_a_list(make, host, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", host)
    for given in (host, None):
        with pytest.raises(ConfigurationError, match="give several hosts as a list") as refused:
            make(given)
        assert "hunter2" not in str(refused.value)


@CLIENTS
def test_a_unix_socket_as_a_host_names_both_transports(make):
    with pytest.raises(ConfigurationError, match=r"HTTPTransport\(uds=...\), AsyncHTTPTransport\(uds=...\) for Async"):
        make("unix:///run/ollama.sock")


def test_an_ipv6_address_may_have_a_zone():
    assert str(Ollama("[fe80::1%eth0]:8080").base_url) == "http://[fe80::1%eth0]:8080"


def test_path_of_the_host_is_a_prefix_of_every_route(server):
    with Ollama(f"{server.url}/behind/a/proxy/") as client:
        server.answers["/behind/a/proxy/api/version"] = {"version": "1"}
        assert client.version().version == "1"
    assert server.last.target == "/behind/a/proxy/api/version"


def test_a_client_shows_its_host_and_nothing_secret():
    assert repr(Ollama("gpu-1", api_key="hunter2")) == "Ollama('http://gpu-1:11434')"
    assert repr(AsyncOllama("gpu-1", api_key="hunter2")) == "AsyncOllama('http://gpu-1:11434')"
    fleet = Ollama([Endpoint("http://gpu-1", api_key="hunter2"), "gpu-2"], failover=Failover())
    assert repr(fleet) == "Ollama(['http://gpu-1', 'http://gpu-2:11434'])"


# Making one


@CLIENTS
def test_making_a_client_makes_no_request(make):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        client = make(f"http://127.0.0.1:{listener.getsockname()[1]}")
        client.with_options(timeout=1)
        _ = client.with_raw_response, client.v1, client.experimental
        with pytest.raises(BlockingIOError):
            listener.accept()


@CLIENTS
def test_a_wrong_argument_name_is_pythons_own_type_error(make):
    with pytest.raises(TypeError, match="hots"):
        make(hots="example.com")


@CLIENTS
@pytest.mark.parametrize("size", [0, -1])
def test_an_item_limit_must_be_above_zero(make, size):
    with pytest.raises(ConfigurationError, match="max_item_bytes"):
        make(max_item_bytes=size)


@pytest.mark.parametrize("name", ["connect", "first_item", "between_items", "total"])
@pytest.mark.parametrize("value", [0, -1, -0.5, math.nan, "5", True, [1]])
def test_limit_that_is_not_positive_seconds_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"{name}="):
        Timeout(**{name: value})


@CLIENTS
def test_a_bare_number_is_the_total_and_none_waits_for_ever(make):
    assert make(timeout=3)._runtime.settings.timeout == Timeout(total=3)
    forever = Timeout(connect=None, first_item=None, between_items=None, total=None)
    assert make(timeout=None)._runtime.settings.timeout == forever
    assert make()._runtime.settings.timeout == Timeout(connect=5, first_item=600, between_items=120, total=None)
    with pytest.raises(ConfigurationError):
        make(timeout=-1)


def test_a_limit_for_one_call_is_checked_like_any_other(server):
    with Ollama(server.url) as client, pytest.raises(ConfigurationError, match="total=0"):
        client.version(timeout=0)
    assert not server.requests


@CLIENTS
def test_a_timeout_of_httpx_is_taken_by_its_parts(make):
    assert make(timeout=library.Timeout(5))._runtime.settings.timeout == Timeout(
        connect=5, first_item=5, between_items=5
    )
    parts = library.Timeout(connect=1, read=2, write=3, pool=4)
    assert make(timeout=parts)._runtime.settings.timeout == Timeout(connect=1, first_item=2, between_items=2)
    assert make().with_options(timeout=parts)._runtime.settings.timeout.first_item == 2


@pytest.mark.anyio
async def test_the_timeout_of_a_given_httpx_client_is_honoured(server):
    with library.Client(timeout=7) as mine, library.Client() as plain:
        assert Ollama(server.url, http_client=mine)._runtime.settings.timeout.first_item == 7
        assert Ollama(server.url, http_client=mine, timeout=9)._runtime.settings.timeout == Timeout(total=9)
        assert Ollama(server.url, http_client=plain)._runtime.settings.timeout == Timeout()
    async with library.AsyncClient(timeout=None) as mine:
        assert AsyncOllama(server.url, http_client=mine)._runtime.settings.timeout.first_item is None


_HABITS = {
    "base_url": ({"base_url": "http://x"}, "give host="),
    "max_retries": ({"max_retries": 3}, "give retry=Retry(attempts=...)"),
    "a typing error": ({"hosts": "x"}, "give host="),
    "auth": ({"auth": ("me", "x")}, 'give api_key=, or headers={"Authorization": ...}'),
}


@CLIENTS
@pytest.mark.parametrize(("options", "said"), _HABITS.values(), ids=_HABITS)
def test_an_argument_of_another_client_is_named_as_it_is_here(make, options, said):
    with pytest.raises(TypeError) as refused:
        make(**options)
    assert str(refused.value) == (
        f"{make.__name__}() got an unexpected keyword argument {next(iter(options))!r}; {said}"
    )


@CLIENTS
@pytest.mark.parametrize("name", ["mounts", "port", "limits"])
def test_an_argument_that_is_unlike_all_is_named_alone(make, name):
    with pytest.raises(TypeError, match=rf"^{make.__name__}\(\) got an unexpected keyword argument '{name}'$"):
        make(**{name: 1})


@CLIENTS
@pytest.mark.parametrize("name", ["retry", "circuit_breaker", "rate_limit", "failover", "health", "cache"])
def test_a_value_that_is_no_policy_is_refused_by_its_argument(make, name):
    for refuse in (make, make().reconfigure):
        with pytest.raises(ConfigurationError, match=rf"^{name}=3 is not a \w+; give \w+\(.*\), or None"):
            refuse(**{name: 3})


@CLIENTS
@pytest.mark.parametrize(
    ("name", "ours"), [("list", "list_models()"), ("ps", "list_running()"), ("create_blob", "upload_blob(content=...)")]
)
def test_a_method_of_another_client_is_named_as_it_is_here(make, name, ours):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; use ") as missing:
        getattr(make(), name)
    assert ours in str(missing.value)
    assert hasattr(make(), ours.partition("(")[0])
    assert not hasattr(make(), "frobnicate")


# Keys and headers


class Secret:
    """As SecretStr of Pydantic."""

    def get_secret_value(self):
        return "from-a-secret"

    def __str__(self):
        return "**********"


@pytest.mark.anyio
async def test_a_secret_is_sent_as_what_it_holds(server):
    with Ollama(server.url, api_key=Secret()) as client:
        client.version()
    assert server.last.headers["authorization"] == "Bearer from-a-secret"
    async with AsyncOllama(server.url) as client:
        await client.with_options(api_key=Secret()).version()
    assert server.last.headers["authorization"] == "Bearer from-a-secret"


@CLIENTS
@pytest.mark.parametrize(
    ("key", "said"),
    [
        (b"hunter2", "is bytes; give a str"),
        (7, "is an int; give a str"),
        ("hunter2\n", "blanks or line breaks around it"),
        ("Bearer hunter2", "begins with 'Bearer'"),
        ("hunter2 hunter3", "holds blanks"),
    ],
)
def test_a_key_that_is_none_is_refused_at_once(make, key, said, monkeypatch):
    for refuse in (make, make().with_options):
        with pytest.raises(ConfigurationError) as refused:
            refuse(api_key=key)
        assert said in str(refused.value)
        assert "hunter2" not in str(refused.value)
    if isinstance(key, str):
        monkeypatch.setenv("OLLAMA_API_KEY", key)
        with pytest.raises(ConfigurationError, match="OLLAMA_API_KEY "):
            make()


def test_api_key_comes_from_argument_then_environment(server, monkeypatch):
    sent = []
    for key in [None, "from-argument", ""]:
        for from_environment in ["", "from-environment"]:
            monkeypatch.setenv("OLLAMA_API_KEY", from_environment)
            with Ollama(server.url, api_key=key) as client:
                client.version()
            sent.append(server.last.headers.get("authorization"))
    assert sent == [None, "Bearer from-environment", "Bearer from-argument", "Bearer from-argument", None, None]


def test_headers_of_a_call_override_those_of_the_client(server):
    with Ollama(server.url, headers={"X-Team": "red", "User-Agent": "mine/1"}) as client:
        client.version()
        assert (server.last.headers["x-team"], server.last.headers["user-agent"]) == ("red", "mine/1")
        client.version(extra_headers={"x-team": "blue"})
        assert server.last.headers["x-team"] == "blue"


def test_user_agent_names_the_package(server):
    with Ollama(server.url) as client:
        client.version()
    assert server.last.headers["user-agent"].startswith("ollama-sdk/")
    assert server.last.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": "hunter2\n"},
        {"api_key": "hunter2\r\nX-Injected: 1"},
        {"api_key": "hunter2 é"},
        {"headers": {"X-Token": "hunter2\x00"}},
        {"headers": {"X-Token": 5}},
        {"headers": {"X Token": "hunter2"}},
        {"headers": {"": "hunter2"}},
    ],
)
@pytest.mark.anyio
async def test_invalid_header_is_refused_without_showing_its_value(server, arguments, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigurationError) as refused, Ollama(server.url, **arguments) as client:
        client.version()
    with pytest.raises(ConfigurationError):
        async with AsyncOllama(server.url, **arguments) as client:
            await client.version()
    assert "hunter2" not in str(refused.value) + caplog.text
    assert not server.requests


@pytest.mark.parametrize("headers", ["hunter2", [("X-Token", "hunter2")], {1: "hunter2"}])
@pytest.mark.parametrize("kind", [Ollama, AsyncOllama])
def test_headers_without_names_are_refused_without_values(kind, headers):
    for make in (kind, kind("http://127.0.0.1:1").with_options):
        with pytest.raises(ConfigurationError, match="headers=") as refused:
            make(headers=headers)
        assert "hunter2" not in str(refused.value)


# Transports


class Counting(library.HTTPTransport):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.closed = False

    def handle_request(self, request):
        self.calls += 1
        return super().handle_request(request)

    def close(self):
        self.closed = True
        super().close()


class AsyncCounting(library.AsyncHTTPTransport):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.closed = False

    async def handle_async_request(self, request):
        self.calls += 1
        return await super().handle_async_request(request)

    async def aclose(self):
        self.closed = True
        await super().aclose()


@pytest.mark.anyio
async def test_given_transport_is_used_and_closed_with_the_client(server):
    transport, async_transport = Counting(), AsyncCounting()
    with Ollama(server.url, transport=transport) as client:
        client.chat("llama3.2", USER)
        assert not transport.closed
    async with AsyncOllama(server.url, transport=async_transport) as client:
        await client.chat("llama3.2", USER)
    assert (transport.calls, transport.closed) == (async_transport.calls, async_transport.closed) == (1, True)


@pytest.mark.anyio
async def test_given_httpx_client_adds_its_headers_and_stays_open(server):
    lent = {"headers": {"X-Gateway": "1"}, "cookies": {"session": "abc"}}
    with library.Client(**lent) as http_client:
        with Ollama(server.url, http_client=http_client) as client:
            client.chat("llama3.2", USER)
        assert not http_client.is_closed
    async with library.AsyncClient(**lent) as http_client:
        async with AsyncOllama(server.url, http_client=http_client) as client:
            await client.chat("llama3.2", USER)
        assert not http_client.is_closed
    for request in server.requests:
        assert (request.headers["x-gateway"], request.headers["cookie"]) == ("1", "session=abc")


@CLIENTS
def test_a_transport_and_a_whole_client_cannot_both_be_given(make):
    with pytest.raises(ConfigurationError, match="transport= or http_client="):
        make(transport=object(), http_client=object())


@pytest.mark.parametrize(
    ("make", "wrong"), [(Ollama, library.AsyncHTTPTransport()), (AsyncOllama, library.HTTPTransport())]
)
def test_a_transport_of_the_wrong_kind_is_refused_at_once(make, wrong):
    with pytest.raises(ConfigurationError, match=f"is of type {type(wrong).__name__}"):
        make(transport=wrong)


@pytest.mark.parametrize(
    ("make", "own", "other", "kind"),
    [
        (Ollama, HTTPTransport, AsyncHTTPTransport, "BaseTransport"),
        (AsyncOllama, AsyncHTTPTransport, HTTPTransport, "AsyncBaseTransport"),
    ],
)
def test_a_refused_transport_names_ours_of_the_right_kind(make, own, other, kind):
    for wrong, what in ((other(), f"of type {other.__name__}"), (own, f"the class {own.__name__}")):
        with pytest.raises(ConfigurationError) as refused:
            make(transport=wrong)
        assert str(refused.value) == (
            f"transport= is {what}; give an {own.__name__}(...), or an object of httpx.{kind} or httpx2.{kind}"
        )


@pytest.mark.parametrize(("make", "wrong"), [(Ollama, library.AsyncClient()), (AsyncOllama, library.Client())])
def test_an_httpx_client_of_the_wrong_kind_is_refused_at_once(make, wrong):
    with pytest.raises(ConfigurationError, match=type(wrong).__name__):
        make(http_client=wrong)


@pytest.mark.parametrize(("make", "lent"), [(Ollama, library.Client), (AsyncOllama, library.AsyncClient)])
def test_a_base_url_of_an_httpx_client_needs_a_host(server, make, lent):
    with_url = lent(base_url=server.url)
    with pytest.raises(
        ConfigurationError, match="http_client= has a base_url, which is not used; give that URL as host="
    ):
        make(http_client=with_url)
    assert str(make(server.url, http_client=with_url).base_url) == server.url
    assert make(http_client=lent()).base_url.port == 11434
    assert server.requests == []


# Proxies


def test_proxy_of_the_environment_is_used_for_other_hosts(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    server.answers["http://ollama.example:11434/api/version"] = {"version": "by proxy"}
    with Ollama("ollama.example") as client:
        assert client.version().version == "by proxy"
    assert server.last.target == "http://ollama.example:11434/api/version"


@pytest.mark.plain
def test_proxy_may_have_credentials_and_lack_a_scheme(server, monkeypatch):
    server.answers["http://ollama.example:11434/api/version"] = {"version": "by proxy"}
    for name, authorization in (("user:p%40ss@", f"Basic {b64encode(b'user:p@ss').decode()}"), ("", None)):
        monkeypatch.setenv("http_proxy", f"{name and 'http://'}{name}127.0.0.1:{server.port}")
        with Ollama("ollama.example") as client:
            assert client.version().version == "by proxy"
        assert server.last.headers.get("proxy-authorization") == authorization


@pytest.mark.anyio
async def test_localhost_is_never_called_through_a_proxy(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        for host in ("127.0.0.1", "localhost"):
            url = server.url.replace("127.0.0.1", host)
            with Ollama(url) as client:
                assert client.version(timeout=PATIENCE).version == "0.33.0"
            async with AsyncOllama(url) as client:
                assert (await client.version(timeout=PATIENCE)).version == "0.33.0"


def test_hosts_in_no_proxy_are_called_directly(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "nowhere.invalid")
    with Ollama("nowhere.invalid", timeout=PATIENCE) as client:
        assert client.is_available() is False
    assert not server.requests


# Closing


def test_leaving_the_block_closes_the_connections():
    with Agreeing() as server:
        with Ollama(server.url) as client:
            client.version()
            client.version()
            assert not server.connections[0].hung_up.is_set()
        assert server.hung_up()
        assert len(server.connections) == 1


@pytest.mark.anyio
async def test_leaving_the_async_block_closes_the_connections():
    with Agreeing() as server:
        async with AsyncOllama(server.url) as client:
            await client.version()
            await client.version()
            assert not server.connections[0].hung_up.is_set()
        assert server.hung_up()
        assert len(server.connections) == 1


def test_closing_twice_is_fine(server):
    client = Ollama(server.url)
    client.version()
    client.close()
    client.close()


@pytest.mark.anyio
async def test_closing_an_async_client_twice_is_fine(server):
    client = AsyncOllama(server.url)
    await client.version()
    await client.close()
    await client.aclose()


# Views


def test_a_view_has_other_settings_and_the_same_connections(server):
    before = len(server.connections)
    with Ollama(server.url, headers={"X-A": "1", "X-B": "1"}, timeout=9) as client:
        client.version()
        view = client.with_options(timeout=Timeout(total=3), headers={"X-B": "2"}, api_key="key", max_item_bytes=5)
        view.version()
        sent = server.last.headers
        assert (sent["x-a"], sent["x-b"], sent["authorization"]) == ("1", "2", "Bearer key")
        assert view._runtime.settings.timeout == Timeout(total=3)
        assert (view.base_url, type(view)) == (client.base_url, Ollama)
        client.version()
        assert (server.last.headers["x-b"], server.last.headers.get("authorization")) == ("1", None)
        assert client._runtime.settings.timeout == Timeout(total=9)
        view.with_raw_response.version()
        assert server.last.headers["x-b"] == "2"
        view.v1.chat.completions.create("llama3.2", USER)
        assert server.last.headers["x-b"] == "2"
    assert len(server.connections) - before == 1


def test_closing_a_view_leaves_the_connections_open(server):
    before = len(server.connections)
    with Ollama(server.url) as client:
        client.version()
        with client.with_options(timeout=3) as view, view.with_options(timeout=4) as view_of_view:
            view_of_view.version()
        client.version()
    assert len(server.connections) - before == 1


@pytest.mark.anyio
async def test_async_views_share_connections_too(server):
    before = len(server.connections)
    async with AsyncOllama(server.url) as client:
        await client.version()
        async with client.with_options(timeout=3, headers={"X-B": "2"}) as view:
            await view.version()
            assert server.last.headers["x-b"] == "2"
        await client.version()
        assert "x-b" not in server.last.headers
    assert len(server.connections) - before == 1


def test_bad_setting_of_a_view_is_refused_as_at_construction():
    with pytest.raises(ConfigurationError):
        Ollama().with_options(timeout=0)
    with pytest.raises(ConfigurationError):
        Ollama().with_options(max_item_bytes=0)


@pytest.mark.anyio
async def test_an_async_client_may_be_made_before_the_event_loop_runs(anyio_backend_name, server):
    client = AsyncOllama(server.url)

    def run_elsewhere():
        return anyio.run(_version_and_close, client, backend=anyio_backend_name)

    assert await anyio.to_thread.run_sync(run_elsewhere) == "0.33.0"


async def _version_and_close(client):
    async with client:
        return (await client.version()).version


@CLIENTS
@pytest.mark.parametrize("host", [3, b"localhost", [3], []])
def test_host_that_is_not_text_is_refused(make, host):
    with pytest.raises(ConfigurationError, match="host="):
        make(host)
