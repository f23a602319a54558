"""Through a proxy: HTTP, CONNECT and SOCKS, with a login and without, and TLS on either side of it."""

from __future__ import annotations

import base64
import socket

import httpx
import httpx2
import pytest

from ollama_sdk import AsyncHTTPTransport, HTTPTransport
from ollama_sdk._transport.proxies import Proxy
from ollama_sdk.errors import ConfigurationError
from tests.support.loopback import Loopback, head, replies, whole
from tests.support.transports import tls_loopback, trusting


def _relay(connection, target):
    """Pass bytes on in both directions until either side ends."""
    import select

    with socket.create_connection(target) as other:
        while True:
            for sock in select.select([connection._socket, other], [], [], 5)[0]:
                data = sock.recv(65536)
                if not data:
                    return
                (other if sock is connection._socket else connection._socket).sendall(data)
            while getattr(connection._socket, "pending", int)():
                other.sendall(connection._socket.recv(65536))


def _connecting(target):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        _relay(connection, target)

    return script


def _place(server):
    host, port = server.host.split(":")
    return host, int(port)


@pytest.fixture
def tls_server():
    with tls_loopback(replies(whole(b"a"), whole(b"b"))) as server:
        yield server


def test_an_http_proxy_gets_the_whole_url(world, serve):
    proxy = serve(replies(whole(b"a"), whole(b"b")))
    with world.transport(proxy=proxy.url.replace("://", "://me:secret@")) as transport:
        assert transport.get("http://ollama.example:11434/api/version?x=1") == b"a"
        assert transport.get("http://ollama.example:11434/") == b"b"
    [first, second] = proxy.requests
    assert first.line == "GET http://ollama.example:11434/api/version?x=1 HTTP/1.1"
    assert first.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
    assert first.headers["host"] == "ollama.example:11434"
    assert second.line.startswith("GET http://ollama.example:11434/")
    assert len(proxy.connections) == 1


@pytest.mark.parametrize("kind", [Loopback, tls_loopback], ids=["plain proxy", "TLS proxy"])
def test_https_goes_through_a_tunnel(world, tls_server, kind):
    port = _place(tls_server)[1]
    with kind(_connecting(_place(tls_server))) as proxy:
        through = httpx.Proxy(proxy.url.replace("://", "://me:secret@"), ssl_context=trusting())
        with world.transport(proxy=through, ssl_context=trusting()) as transport:
            assert [transport.get(f"https://localhost:{port}/") for _ in range(2)] == [b"a", b"b"]
        [asked] = proxy.requests
    assert asked.line == f"CONNECT localhost:{port} HTTP/1.1"
    assert asked.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:secret").decode()
    assert all("proxy-authorization" not in request.headers for request in tls_server.requests)


@pytest.mark.parametrize("answer", [head(407, content_length=0), head(502, content_length=0), b"", b"nonsense\r\n\r\n"])
def test_a_proxy_that_opens_no_tunnel_is_named(world, serve, answer):
    proxy = serve(lambda connection: connection.answer(answer))
    with world.transport(proxy=proxy.url) as transport:
        with pytest.raises(httpx.ProxyError, match="proxy"):
            transport.get("https://ollama.example/")
        assert transport.open == 0


def test_a_proxy_may_say_much_before_it_opens_a_tunnel(world, tls_server, serve):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 Connection established\r\nVia: %b\r\n\r\n" % (b"a" * 90_000))
        _relay(connection, _place(tls_server))

    with world.transport(proxy=serve(script).url, ssl_context=trusting()) as transport:
        assert transport.get(f"https://localhost:{_place(tls_server)[1]}/") == b"a"


def test_a_proxy_that_cannot_be_reached_is_named(world):
    with world.transport(proxy="http://127.0.0.1:9") as transport, pytest.raises(httpx.ConnectError, match="proxy"):
        transport.get("http://ollama.example/")


def _socks(target, *, login):
    def script(connection):
        greeting = connection._read(2)
        methods = connection._read(greeting[1])
        if login:
            assert 2 in methods
            connection.send(b"\x05\x02")
            version, length = connection._read(2)
            name = connection._read(length)
            password = connection._read(connection._read(1)[0])
            assert (version, name, password) == (1, b"me", b"secret")
            connection.send(b"\x01\x00")
        else:
            connection.send(b"\x05\x00")
        kind = connection._read(4)[3]
        place = connection._read(4) if kind == 1 else connection._read(connection._read(1)[0])
        connection.asked = (place, int.from_bytes(connection._read(2), "big"))
        connection.send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        _relay(connection, target)

    return script


@pytest.mark.plain
@pytest.mark.parametrize("login", [False, True], ids=["no login", "with a login"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_socks_proxy_opens_a_tunnel(world, serve, serve_tls, login, scheme):
    server = (serve if scheme == "http" else serve_tls)(replies(whole(b"a"), whole(b"b")))
    proxy = serve(_socks(_place(server), login=login))
    url = f"socks5://{'me:secret@' if login else ''}{proxy.host}"
    with world.transport(proxy=url, ssl_context=trusting()) as transport:
        assert [transport.get(f"{scheme}://localhost:{_place(server)[1]}/") for _ in range(2)] == [b"a", b"b"]
    assert proxy.connections[0].asked == (b"localhost", _place(server)[1])
    assert len(proxy.connections) == 1


@pytest.mark.plain
@pytest.mark.parametrize("answer", [b"\x05\xff", b"\x04\x00", b"", b"\x05\x00"])
def test_a_socks_proxy_that_refuses_is_named(world, serve, answer):
    def script(connection):
        connection._read(3)
        connection.send(answer)
        if answer == b"\x05\x00":
            connection._read()
            connection.send(b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")

    proxy = serve(script)
    with world.transport(proxy=f"socks5://{proxy.host}") as transport:
        with pytest.raises(httpx.ProxyError, match="proxy"):
            transport.get("http://ollama.example/")
        assert transport.open == 0


@pytest.mark.plain
@pytest.mark.parametrize("said", [None, b"\x05"], ids=["nothing", "half an answer"])
def test_a_silent_proxy_is_a_connect_timeout(world, serve, said):
    def script(connection):
        connection._read()
        if said:
            connection.send(said)
        connection.watch()

    proxy = serve(script)
    limits = {"connect": 0.2, "read": 5.0, "write": 5.0}
    with world.transport(proxy=f"socks5://{proxy.host}") as transport:
        with pytest.raises(httpx.ConnectTimeout, match="proxy"):
            transport.get("http://ollama.example/", timeout=limits)
        assert transport.open == 0


@pytest.mark.plain
def test_a_broken_handshake_is_a_connect_error(world, serve):
    server = serve(lambda connection: connection._read())
    with world.transport(ssl_context=trusting()) as transport, pytest.raises(httpx.ConnectError):
        transport.get(server.url.replace("http:", "https:"))


def test_a_certificate_that_is_not_trusted_is_a_connect_error(world, tls_server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with world.transport() as transport, pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
        transport.get(tls_server.url)


@pytest.mark.parametrize(
    "proxy", ["ftp://me:secret@127.0.0.1", "http://me:secret@host:port", "http://", f"socks5://me:{'secret' * 50}@host"]
)
def test_an_unusable_proxy_is_refused_without_its_password(proxy):
    with pytest.raises(ConfigurationError, match="prox") as caught:
        Proxy(proxy)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_environment_names_a_proxy_for_other_machines(world, serve, monkeypatch, variable):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxy, server = serve(replies(whole(b"by proxy"))), serve(replies(whole(b"a")))
    monkeypatch.setenv(variable, proxy.url)
    with world.transport(trust_env=True) as transport:
        assert transport.get("http://ollama.example/") == b"by proxy"
        assert transport.get(server.url) == b"a"


def test_unreadable_certificates_are_a_configuration_error(world, serve, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    server = serve(lambda connection: connection.watch())
    with world.transport() as transport:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            transport.get(server.url.replace("http:", "https:"))
        assert transport.open == 0


@pytest.mark.parametrize(
    ("proxy", "problem"),
    [
        ("socks4://me:secret@gateway:1080", "scheme 'socks4'"),
        ("http://me:secret@gateway:99999", "the port of the proxy gateway is 99999"),
        ("gateway:99999", "99999; give a number up to 65535"),
        ("http://", "http://host:port"),
    ],
)
@pytest.mark.parametrize("variable", ["http_proxy", "ALL_PROXY"])
def test_an_unusable_proxy_of_the_environment_names_its_variable(world, monkeypatch, variable, proxy, problem):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, proxy)
    with world.transport(trust_env=True) as transport, pytest.raises(ConfigurationError) as caught:
        transport.get("http://ollama.example/")
    assert str(caught.value).startswith(f"{variable} names a proxy that cannot be used")
    assert problem in str(caught.value)
    assert "correct or unset it" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [HTTPTransport, AsyncHTTPTransport])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"proxy": {"http": "http://gateway"}}, "not of type dict; give one URL for all servers, or a Proxy of httpx"),
        ({"proxy": 5}, "not of type int"),
        ({"proxy": ""}, "not one without a host"),
        ({"proxy": "http://"}, "not one without a host"),
        ({"proxy": "http://:99"}, "not one without a host"),
        ({"proxy": "http://gateway:port"}, "not what was given"),
        ({"proxy": "socks4://gateway"}, "not one of scheme 'socks4'"),
        ({"proxy": "http://gateway", "uds": "/run/x"}, "give uds= or proxy=, not both"),
        ({"uds": 5}, "uds= is of type int; give the path of a Unix socket"),
        ({"uds": b"/run/x"}, "uds= is of type bytes; give the path"),
        ({"uds": ""}, "uds= is empty; give the path"),
        ({"ssl_context": False}, "ssl_context= is of type bool; give an ssl.SSLContext"),
        ({"ssl_context": "ca.pem"}, "ssl_context= is of type str; give an ssl.SSLContext"),
    ],
    ids=str,
)
def test_what_a_transport_cannot_use_is_refused_at_once(make, arguments, said):
    with pytest.raises(ConfigurationError) as caught:
        make(**arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_proxy_may_be_a_url_of_httpx(world, serve, library):
    proxy = serve(replies(whole(b"by proxy")))
    given = library.URL(proxy.url.replace("http://", "http://me:secret@"))
    with world.transport(proxy=given) as transport:
        assert transport.get("http://ollama.example/") == b"by proxy"
    token = base64.b64encode(b"me:secret").decode()
    assert proxy.connections[0].requests[0].headers["proxy-authorization"] == f"Basic {token}"


def test_a_proxy_of_no_port_is_refused_when_it_is_given(world):
    with (
        pytest.raises(ConfigurationError, match="the port of the proxy gateway is 99999"),
        world.transport(proxy="http://gateway:99999"),
    ):
        pass


def test_a_missing_directory_of_certificates_is_named(world, serve, monkeypatch, tmp_path):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "missing"))
    server = serve(lambda connection: connection.watch())
    with world.transport() as transport:
        with pytest.raises(ConfigurationError, match=r"SSL_CERT_DIR names .*missing.*correct or unset it"):
            transport.get(server.url.replace("http:", "https:"))
        assert transport.open == 0
