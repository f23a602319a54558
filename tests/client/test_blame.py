"""An error blames the party that failed: the proxy or socket on the way, the given transport, or the server."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from ollama_sdk import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncHTTPTransport,
    Failover,
    HTTPTransport,
    NoEndpointError,
    OllamaError,
    Timeout,
)
from tests.support.loopback import closed_port, full_backlog_port, replies, replies_and_closes, whole
from tests.support.transports import tls_loopback, trusting
from tests.support.worlds import World

# The way to the server


@pytest.fixture
def through(world: World, monkeypatch):
    """Fail to call a server over a transport of this package with these arguments; returns the error."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = HTTPTransport if world.kind == "sync" else AsyncHTTPTransport

    def fail(host="http://gpu-1:11434", *, timeout=None, around=None, **arguments):
        transport = made(**arguments)
        options = {} if timeout is None else {"timeout": timeout}
        options |= {"transport": transport} if around is None else around(transport)
        with world.client(host, **options) as client, pytest.raises(OllamaError) as caught:
            client.chat("m", [])
        assert "hunter2" not in str(caught.value)
        return caught.value

    return fail


def _given(url, said, without="leave out proxy= to call the server without it"):
    return f"it went through the proxy {url} that proxy= names{said} {without}"


@pytest.mark.parametrize("server", ["http", "https"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_given_proxy_that_is_down_is_named(through, scheme, server):
    url = f"{scheme}://127.0.0.1:{closed_port()}"
    error = through(f"{server}://gpu-1:11434", proxy=url.replace("://", "://me:hunter2@"))
    assert isinstance(error, APIConnectionError)
    assert _given(url, ": is that proxy running?") in str(error)
    assert "ollama serve" not in str(error)


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_given_proxy_that_refuses_the_tunnel_is_named(through, serve, status):
    proxy = serve(replies_and_closes(whole(b"", status)))
    error = through("https://gpu-1:11434", proxy=proxy.url)
    said = (
        f": it requires a login, which belongs in proxy=: {proxy.url.partition('://')[0]}://user:password@host:port;"
        if status == 407
        else ": it does not connect to the server: does that run, and does the proxy allow it?"
    )
    assert _given(proxy.url, said) in str(error)
    assert "in the host" not in str(error)


_SOCKS = {
    "no login that we know": (b"\x05\xff", "it requires a login, which belongs in proxy=: socks5://user:password@host:port;"),
    "no SOCKS": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not connect to the server: does that run, and does the proxy allow it?"),
    "hangs up": (b"", "it does not connect to the server: does that run, and does the proxy allow it?"),
}  # fmt: skip


@pytest.mark.plain
@pytest.mark.parametrize("answer", _SOCKS)
def test_a_given_socks_proxy_is_named_for_what_it_says(through, serve, answer):
    sent, said = _SOCKS[answer]
    proxy = serve(lambda connection: (connection.read_bytes(3), connection.send(sent), connection.close()))
    assert _given(f"socks5://{proxy.host}", f": {said}") in str(through(proxy=f"socks5://{proxy.host}"))


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_answer_of_a_given_proxy_is_not_the_servers(through, serve, status):
    proxy = serve(replies(whole(b"<html>Host unreachable</html>", status, "text/html")))
    error = through(proxy=proxy.url)
    assert isinstance(error, APIStatusError)
    assert _given(proxy.url, ", which seems to have answered instead of the server:") in str(error)
    assert "OLLAMA_MAX_QUEUE" not in str(error)


def test_a_given_proxy_that_wants_a_login_says_where(through, serve):
    proxy = serve(replies(whole(b"", 407)))
    assert "it requires a login, which belongs in proxy=" in str(through(proxy=proxy.url))


def test_a_given_proxy_that_breaks_off_is_named(through, serve):
    proxy = serve(replies_and_closes(b""))
    error = through(proxy=proxy.url)
    assert _given(proxy.url, ": it broke the connection off, or the server behind it did;") in str(error)


def test_a_given_proxy_that_does_not_speak_http_is_named(through, serve):
    proxy = serve(replies_and_closes(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"))
    assert _given(proxy.url, ": what answered does not speak HTTP: check scheme and port of the proxy;") in str(
        through(proxy=proxy.url)
    )


def test_a_given_proxy_without_an_address_is_named(through):
    error = through(proxy="http://nowhere.invalid:3128")
    assert _given("http://nowhere.invalid:3128", ": no address is known for it: check its name;") in str(error)


def test_a_given_proxy_that_does_not_accept_is_named_for_the_time(through):
    with full_backlog_port() as port:
        error = through(proxy=f"http://127.0.0.1:{port}", timeout=Timeout(connect=0.05))
    assert isinstance(error, APITimeoutError)
    assert f"the proxy http://127.0.0.1:{port} that proxy= names could not be reached; check it" in str(error)


def test_an_untrusted_certificate_of_a_proxy_is_the_proxys(through, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with tls_loopback(lambda connection: connection.request()) as proxy:
        error = through(proxy=f"https://{proxy.host}")
    assert "the proxy https://" in str(error)
    assert "its certificate is not trusted" in str(error)
    assert "httpx.Proxy(url, ssl_context=...)" in str(error)
    assert "the server's certificate" not in str(error)


@pytest.mark.plain
def test_a_proxy_without_tls_is_not_taken_for_the_server(through, serve):
    proxy = serve(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    error = through(proxy=f"https://{proxy.host}")
    assert _given(f"https://{proxy.host}", ": it does not speak TLS: is it a proxy of http://?") in str(error)
    assert "in the host" not in str(error)


def test_a_proxy_of_the_environment_is_named_also_under_a_given_transport(through, monkeypatch):
    port = closed_port()

    def around(transport):
        monkeypatch.setenv("HTTP_PROXY", f"http://me:hunter2@127.0.0.1:{port}")
        return {"transport": transport}

    error = through(ssl_context=ssl.create_default_context(), around=around)
    name = f"the proxy http://127.0.0.1:{port} that HTTP_PROXY names"
    assert f"it went through {name}: is that proxy running? NO_PROXY=gpu-1 calls the server without it" in str(error)


def test_a_proxy_is_named_also_under_a_given_http_client(through, world):
    kind = httpx.Client if world.kind == "sync" else httpx.AsyncClient
    url = f"http://127.0.0.1:{closed_port()}"
    error = through(proxy=url, around=lambda transport: {"http_client": kind(transport=transport)})
    assert _given(url, ": is that proxy running?") in str(error)


def test_each_endpoint_is_blamed_for_its_own_way(world, monkeypatch):
    ports = closed_port(), closed_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{ports[0]}")
    monkeypatch.setenv("no_proxy", "")
    hosts = ["http://ollama.example", f"http://127.0.0.1:{ports[1]}"]
    with world.client(hosts, failover=Failover("priority")) as client, pytest.raises(NoEndpointError) as caught:
        client.chat("m", [])
    far, near = map(str, caught.value.exceptions)
    assert "that http_proxy names".upper() in far.upper()
    assert f"is Ollama running at http://127.0.0.1:{ports[1]}? `ollama serve` starts it" in near
    assert "proxy" not in near


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
@pytest.mark.parametrize("is_there", [False, True], ids=["missing", "nobody listens"])
def test_a_unix_socket_that_takes_no_connection_is_named(through, tmp_path, is_there):
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener:
        if is_there:
            listener.bind(path)
        error = through("http://127.0.0.1:11434", uds=path)
    assert f"the Unix socket {path}: [Errno" in str(error)
    assert f"; does a server listen on the Unix socket '{path}'? check uds=" in str(error)
    assert "ollama serve" not in str(error)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
def test_a_unix_socket_that_breaks_off_is_named(through, tmp_path):
    import threading

    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def accept():
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        error = through("http://127.0.0.1:11434", uds=path)
        thread.join()
    assert f"the Unix socket '{path}' accepted the connection and then broke it off: look at the server's log" in str(
        error
    )


# Transports and clients of the caller


def test_a_foreign_proxy_that_refuses_the_tunnel_is_blamed(world, serve):
    proxy = serve(replies_and_closes(whole(b"", 403)))
    with (
        world.http_client(
            proxy=httpx.Proxy(proxy.url, ssl_context=trusting()) if "https" in proxy.url else proxy.url
        ) as http,
        world.client("https://gpu-1:11434", http_client=http) as client,
        pytest.raises(APIConnectionError) as caught,
    ):
        client.chat("m", [])
    assert "the proxy of the given transport or http_client does not connect to the server" in str(caught.value)
    assert "in the host" not in str(caught.value)


def test_a_foreign_transport_may_be_the_one_that_does_not_reach_ollama(world):
    host = f"http://127.0.0.1:{closed_port()}"
    with (
        world.http_client() as http,
        world.client(host, http_client=http) as client,
        pytest.raises(APIConnectionError) as caught,
    ):
        client.chat("m", [])
    said = (
        f"is Ollama running at {host}, and does the given transport or http_client reach it? `ollama serve` starts it"
    )
    assert said in str(caught.value)
