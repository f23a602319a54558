"""An error blames the party that failed: the proxy or socket on the way, the given transport, or the server."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from ollama_sdk import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AsyncHTTPTransport,
    AsyncOllama,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    Endpoint,
    Failover,
    HTTPTransport,
    IncompleteReplyError,
    NoEndpointError,
    Ollama,
    OllamaError,
    PermissionDeniedError,
    Timeout,
)
from ollama_sdk.testing import Emulator
from tests.support.library import library
from tests.support.loopback import PATIENCE, closed_port, full_backlog_port, head, replies, replies_and_closes, whole
from tests.support.transports import CERTIFICATE, tls_loopback, trusting
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
        else ": it does not connect to the server: does the server run, and does the proxy allow it?"
    )
    assert _given(proxy.url, said) in str(error)
    assert "in the host" not in str(error)


_SOCKS = {
    "no login that we know": (b"\x05\xff", "it requires a login, which belongs in proxy=: socks5://user:password@host:port;"),
    "no SOCKS": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not connect to the server: does the server run, and does the proxy allow it?"),
    "hangs up": (b"", "it does not connect to the server: does the server run, and does the proxy allow it?"),
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


def test_a_given_proxy_that_hangs_up_the_tunnel_is_named(through, serve):
    proxy = serve(replies_and_closes(b"HTTP/1.1 200 OK\r\n\r\n"))
    error = through("https://gpu-1:11434", proxy=proxy.url)
    assert _given(proxy.url, ": it broke the connection off, or the server behind it did;") in str(error)


def test_a_redirect_to_another_host_is_the_proxys(through, serve):
    proxy = serve(replies(whole(b"", 302, location="http://portal.example/login?key=hunter2")))
    said = "it redirects to http://portal.example/login?***; " + _given(
        proxy.url, ", which seems to have answered instead of the server:"
    )
    assert said in str(through(proxy=proxy.url))


@pytest.mark.parametrize("location", ["http://gpu-1:11434/x", "https://gpu-1/x", "/x"])
def test_a_redirect_to_the_same_host_is_the_servers(through, serve, location):
    proxy = serve(replies(whole(b"", 302, location=location)))
    error = through(proxy=proxy.url)
    assert str(error).endswith(f"; it redirects to {location}, and redirects are not followed: check the host")


def test_a_login_that_a_server_wants_is_not_the_proxys(through, serve):
    proxy = serve(replies(whole(b"<h1>Unauthorized</h1>", 401, "text/html")))
    error = through(proxy=proxy.url)
    assert "this is not Ollama's answer: a proxy in front of it asks for a login" in str(error)
    assert "it went through" not in str(error)


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


@pytest.mark.parametrize(
    ("context", "said"),
    [({}, "is not trusted"), ({"cafile": CERTIFICATE}, "is for another name: use the name that it")],
)
def test_what_is_wrong_with_a_proxys_certificate_is_said(through, monkeypatch, context, said):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with tls_loopback(lambda connection: connection.request()) as proxy:
        given = httpx.Proxy(f"https://127.1:{proxy.port}", ssl_context=ssl.create_default_context(**context))
        error = through(proxy=given)
    assert f"that proxy= names: its certificate {said}" in str(error)


@pytest.mark.plain
def test_a_proxy_without_tls_is_not_taken_for_the_server(through, serve):
    proxy = serve(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    error = through(proxy=f"https://{proxy.host}")
    assert _given(f"https://{proxy.host}", ": it does not speak TLS: is its URL http://?") in str(error)
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


def test_an_answer_of_a_proxy_under_a_given_http_client_is_its_own(through, serve, world):
    kind = httpx.Client if world.kind == "sync" else httpx.AsyncClient
    proxy = serve(replies(whole(b"", 502)))
    error = through(proxy=proxy.url, around=lambda transport: {"http_client": kind(transport=transport)})
    assert _given(proxy.url, ", which seems to have answered instead of the server:") in str(error)


def test_each_endpoint_is_blamed_for_its_own_way(world, monkeypatch):
    ports = closed_port(), closed_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{ports[0]}")
    monkeypatch.setenv("no_proxy", "")
    hosts = ["http://ollama.example", f"http://127.0.0.1:{ports[1]}"]
    with world.client(hosts, failover=Failover("priority")) as client, pytest.raises(NoEndpointError) as caught:
        client.chat("m", [])
    far, near = map(str, caught.value.exceptions)
    assert f"the proxy http://127.0.0.1:{ports[0]} that http_proxy names: is that proxy running? no_proxy=ollama" in far
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
    assert f"; does a server listen on the Unix socket '{path}'? check uds=, and whether it accepts connections" in str(
        error
    )
    assert "ollama serve" not in str(error)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "the Unix socket {!r} accepted the connection and then broke it off: look at the server's log"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "what answers at the Unix socket {!r} does not speak HTTP as Ollama does: check uds="),
    ],
    ids=["breaks off", "no HTTP"],
)  # fmt: skip
def test_a_unix_socket_is_named_for_what_it_does(through, tmp_path, answer, said):
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.settimeout(PATIENCE)
        listener.bind(path)
        listener.listen()

        def accept():
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        error = through("http://127.0.0.1:11434", uds=path)
        thread.join(PATIENCE)
    assert said.format(path) in str(error)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets")
def test_a_unix_socket_whose_queue_is_full_is_named(through, tmp_path):
    path = str(tmp_path / "sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(path)
        listener.listen(0)
        waiting.connect(path)
        error = through("http://127.0.0.1:11434", uds=path)
    assert f"; does a server listen on the Unix socket '{path}'? check uds=, and whether it accepts connections" in str(
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


@pytest.mark.parametrize("status", [407, 502])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_foreign_client_is_not_said_to_use_the_environment(world, serve, monkeypatch, scheme, status):
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv(f"{scheme}_proxy", "http://other:1")
    proxy = serve(replies_and_closes(whole(b"", status)))
    given = httpx.Proxy(proxy.url, ssl_context=trusting()) if "https" in proxy.url else proxy.url
    with (
        world.http_client(httpx, proxy=given, trust_env=True) as http,
        world.client(f"{scheme}://gpu-1:11434", http_client=http) as client,
        pytest.raises(OllamaError) as caught,
    ):
        client.chat("m", [])
    assert "other" not in str(caught.value)
    assert "proxy" in str(caught.value)
    login = "; this is not Ollama's answer: a proxy on the way requires a login, which belongs in its URL: http://user:"
    assert (login in str(caught.value)) is (status == 407)


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.ConnectTimeout, httpx.WriteTimeout, httpx.PoolTimeout])
def test_a_limit_of_a_foreign_transport_is_its_own(world, kind):
    with (
        world.client("http://gpu-1", transport=_raising(world, kind("slow"))) as client,
        pytest.raises(APITimeoutError) as caught,
    ):
        client.chat("m", [])
    assert "/api/chat: the given transport or http_client ended the wait by a limit of its own (limit: " in str(
        caught.value
    )


def test_the_limit_of_a_call_is_not_a_foreign_transports(world, serve):
    server = serve(lambda connection: (connection.request(), connection.watch()))
    with (
        world.http_client() as http,
        world.client(server.url, http_client=http, timeout=Timeout(first_item=0.05)) as client,
        pytest.raises(APITimeoutError, match=r"the model may still be loading: .*first_item=0\.05 s"),
    ):
        client.chat("m", [])


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


_BUGS = {"bug": RuntimeError("my bug"), "no text": KeyError(), "redirects": httpx.TooManyRedirects("too many")}


def _raising(world, exc, before=None):
    """A transport of the caller that raises; after the head and some bytes of a body, if these are given."""
    base = httpx.SyncByteStream if world.kind == "sync" else httpx.AsyncByteStream

    class Body(base):
        def __iter__(self):
            yield before
            raise exc

        async def __aiter__(self):
            yield before
            raise exc

    def answer():
        if before is None:
            raise exc
        return httpx.Response(200, stream=Body())

    class Transport(httpx.BaseTransport if world.kind == "sync" else httpx.AsyncBaseTransport):
        def handle_request(self, request):
            return answer()

        async def handle_async_request(self, request):
            return answer()

    return Transport()


@pytest.mark.parametrize("bug", _BUGS)
def test_a_bug_of_the_callers_transport_is_not_the_servers_fault(world, bug):
    exc = _BUGS[bug]
    with (
        world.client("http://gpu-1", transport=_raising(world, exc)) as client,
        pytest.raises(APIConnectionError) as caught,
    ):
        client.chat("m", [])
    text = str(caught.value)
    assert f"no usable response: the given transport or http_client failed ({type(exc).__name__}" in text
    assert str(exc) in text
    assert text.endswith("); see the cause of this error")
    assert "server" not in text
    assert caught.value.__cause__ is exc


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_a_bug_within_a_body_is_not_the_servers_fault(world, stream):
    exc = RuntimeError("my bug")
    transport = _raising(world, exc, b'{"message":{"role":"assistant","content":"Hi"}}\n')
    with world.client("http://gpu-1", transport=transport) as client, pytest.raises(IncompleteReplyError) as caught:
        list(client.chat("m", [], stream=True)) if stream else client.chat("m", [])
    assert "the given transport or http_client failed (RuntimeError: my bug) before the " in str(caught.value)
    assert "server" not in str(caught.value)


def test_a_closed_client_of_the_caller_is_named(world):
    with world.http_client() as http:
        pass
    with world.client("http://gpu-1", http_client=http) as client, pytest.raises(APIConnectionError) as caught:
        client.chat("m", [])
    assert "the given transport or http_client failed (RuntimeError: Cannot send a request" in str(caught.value)
    assert "server" not in str(caught.value)


# Certificates


def test_an_expired_certificate_is_said_to_have_expired(world):
    exc = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired")
    with (
        world.client("https://gpu-1", transport=_raising(world, exc)) as client,
        pytest.raises(APIConnectionError) as caught,
    ):
        client.chat("m", [])
    assert "; the server's certificate has expired: its owner must renew it, unless the clock" in str(caught.value)
    assert "SSL_CERT_FILE" not in str(caught.value)


_TLS_ARGUMENTS = {
    "verify": "transport={}HTTPTransport(ssl_context=...)",
    "cert": "transport={}HTTPTransport(ssl_context=...)",
    "proxy": "transport={}HTTPTransport(proxy=...)",
    "proxies": "transport={}HTTPTransport(proxy=...)",
    "trust_env": "transport={}HTTPTransport(trust_env=...)",
    "uds": "transport={}HTTPTransport(uds=...)",
}


@pytest.mark.parametrize("name", _TLS_ARGUMENTS)
def test_an_argument_of_httpx_names_the_transport_of_its_client(name):
    class Ours(AsyncOllama):
        pass

    for kind, prefix in ((Ollama, ""), (AsyncOllama, "Async"), (Ours, "Async")):
        with pytest.raises(TypeError) as caught:
            kind(**{name: False})
        assert str(caught.value).endswith(f"; give {_TLS_ARGUMENTS[name].format(prefix)}")
    with pytest.raises(TypeError, match=r"give http_client=httpx\.AsyncClient\(follow_redirects=True\)"):
        AsyncOllama(follow_redirects=True)


def test_a_certificate_for_another_name_says_what_to_do(world):
    made = HTTPTransport if world.kind == "sync" else AsyncHTTPTransport
    with (
        tls_loopback(lambda connection: connection.request()) as server,
        world.client(f"https://127.1:{server.port}", transport=made(ssl_context=trusting())) as client,
        pytest.raises(APIConnectionError) as caught,
    ):
        client.chat("m", [])
    assert str(caught.value).endswith(
        "; the server's certificate is for another name: use the name that it is for as the host"
    )


def test_an_untrusted_certificate_names_the_transport_of_its_client(world, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    name = "HTTPTransport" if world.kind == "sync" else "AsyncHTTPTransport"
    with tls_loopback(lambda connection: connection.request()) as server:
        with world.client(server.url) as client, pytest.raises(APIConnectionError) as caught:
            client.chat("m", [])
        assert f"in SSL_CERT_FILE, or give transport={name}(ssl_context=...)" in str(caught.value)
        with (
            world.http_client(httpx, verify=True) as http,
            world.client(server.url, http_client=http) as client,
            pytest.raises(APIConnectionError) as caught,
        ):
            client.chat("m", [])
        assert "in SSL_CERT_FILE, or let the given transport or http_client trust it (verify=)" in str(caught.value)


# Statuses

_BASIC = {"www_authenticate": 'Basic realm="ollama"'}


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"", {}), (b"", _BASIC), (b"no", {}), (b'{"message":"no"}', {}), (b'{"error":"no"}', _BASIC)],
)
def test_a_login_at_what_stands_before_ollama_is_no_account(world, serve, body, headers):
    server = serve(replies(whole(body, 401, **headers)))
    with world.client(server.url) as client, pytest.raises(AuthenticationError) as caught:
        client.chat("m", [])
    said = "a proxy in front of it asks for a login, which api_key= or headers={'Authorization': ...} may hold"
    assert str(caught.value).endswith(f"; this is not Ollama's answer: {said}")


@pytest.mark.parametrize("call", ["chat", "web_search"])
def test_at_ollama_com_only_the_key_counts(world, call):
    body = b'{"error":"unauthorized","signin_url":"https://ollama.com/connect"}'
    transport = library.MockTransport(lambda _: library.Response(401, content=body))
    host = "https://ollama.com" if call == "chat" else "http://gpu-1"
    with (
        world.client(host, transport=transport, api_key="wrong-key") as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.chat("m", []) if call == "chat" else client.web_search("x")
    assert str(caught.value).endswith(
        "; give a valid API key of https://ollama.com/settings/keys (OLLAMA_API_KEY, api_key=)"
    )


def test_a_login_that_nobody_on_the_way_is_known_to_want(world, serve):
    server = serve(replies(whole(b"", 407)))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        client.chat("m", [])
    assert "a proxy on the way requires a login, which belongs in its URL: http://user:password@" in str(caught.value)


def test_a_disabled_cloud_is_not_a_refused_origin(world):
    with (
        Emulator(cloud="disabled") as server,
        world.client(server.url) as client,
        pytest.raises(PermissionDeniedError) as caught,
    ):
        client.chat("gpt-oss:120b-cloud", [])
    assert str(caught.value).endswith("; the server's own settings switch it off (OLLAMA_NO_CLOUD)")


_FORBIDDEN = {
    b"": "; the server refuses this Host or Origin: see OLLAMA_ORIGINS",
    b'{"error":"this feature is disabled"}': "answered 403: this feature is disabled",
    b'{"detail":"no"}': "; this is not Ollama's answer: a proxy in front of it refuses the request",
    b"<h1>Forbidden</h1>": "; this is not Ollama's answer: a proxy in front of it refuses the request",
    b"denied": "; this is not Ollama's answer: a proxy in front of it refuses the request",
}


@pytest.mark.parametrize("body", _FORBIDDEN)
def test_only_an_empty_403_is_about_host_or_origin(world, serve, body):
    server = serve(replies(whole(body, 403)))
    with world.client(server.url) as client, pytest.raises(PermissionDeniedError) as caught:
        client.chat("m", [])
    assert str(caught.value).endswith(_FORBIDDEN[body])


# Replies of another form

_CHAT = b'{"message":{"role":"assistant","content":"Hi"},"done":%b}\n'
_LINES = _CHAT % b"false" + _CHAT % b"true"
_EVENTS = b'data: {"choices":[]}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(("body", "name"), [(_LINES, "ndjson"), (_EVENTS, "sse"), (b": hi\n" + _EVENTS, "sse")])
def test_a_stream_that_was_not_asked_for_says_how_to_read_it(world, serve, body, name):
    server = serve(replies(whole(body), whole(body)))
    with world.client(server.url) as client:
        with pytest.raises(DecodeError) as caught:
            client.request("POST", "/api/chat", json={})
        assert f'; the server streams: give stream="{name}" and last=..., or put "stream": False into json=' in str(
            caught.value
        )
        with pytest.raises(DecodeError, match="the server streams: give stream=True to the method"):
            client.chat("m", [], extra_body={"stream": True})


def test_a_reply_in_one_piece_in_place_of_a_stream_says_so(world, serve):
    server = serve(replies(whole(b'{"choices":[]}'), whole(_LINES)))
    with world.client(server.url) as client:
        with pytest.raises(IncompleteReplyError) as caught:
            list(client.request("POST", "/v1/chat/completions", json={}, stream="sse", last="[DONE]"))
        assert '; if the server answers in one piece, put "stream": True into json=' in str(caught.value)
        with pytest.raises(IncompleteReplyError) as caught:
            list(client.request("POST", "/api/chat", json={}, stream="ndjson", last={"stop": True}))
        assert "or the last item of this route is another one: see last=" in str(caught.value)


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_a_page_in_place_of_a_reply_names_the_proxy(world, serve, monkeypatch, stream):
    page = whole(b"<html>Log in to this network</html>", content_type="text/html")
    portal = serve(replies(page, page))
    for host, said in (
        (portal.url, "; is something other than Ollama answering there?"),
        ("http://gpu-1:11434", f"; it went through the proxy {portal.url} that http_proxy names, which seems to have"),
    ):
        monkeypatch.setenv("http_proxy", portal.url)
        monkeypatch.setenv("no_proxy", "")
        with world.client(host) as client, pytest.raises(DecodeError) as caught:
            list(client.chat("m", [], stream=True)) if stream else client.chat("m", [])
        assert said in str(caught.value)


def test_data_of_another_form_is_described_in_plain_words(world, serve):
    server = serve(
        replies(
            whole(b'{"message":{"role":"assistant","content":7},"done":true}'),
            whole(b'{"object":"list","data":7}'),
            whole(b""),
        )
    )
    with world.client(server.url) as client:
        with pytest.raises(
            DecodeError, match=r"the data does not have the documented form at message\.content: 7 is not a string"
        ):
            client.chat("m", [])
        with pytest.raises(
            DecodeError, match=r"the data does not have the documented form at data: 7 is not a list"
        ) as caught:
            client.v1.models.list()
        assert str(caught.value).endswith("; is the server newer than this package, or something other than Ollama?")
        with pytest.raises(
            DecodeError, match=r"the body is empty where JSON is due; is something other than Ollama answering"
        ):
            client.chat("m", [])


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_a_lost_connection_says_what_to_do(world, serve, monkeypatch, stream):
    server = serve(*[replies_and_closes(head(200, content_length=100) + b'{"')] * 2)
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        list(client.chat("m", [], stream=True)) if stream else client.chat("m", [])
    assert "; the model or the server may have stopped: look at the server's log, then try again" in str(caught.value)
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    with world.client("http://gpu-1") as client, pytest.raises(IncompleteReplyError) as caught:
        list(client.chat("m", [], stream=True)) if stream else client.chat("m", [])
    assert f"the proxy {server.url} that http_proxy names or the server behind it may have stopped" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (429, {"retry_after": "7"}, b"", "; wait 7 s before the next call"),
        (429, {}, b"", "; wait before the next call"),
        (503, {"retry_after": "7"}, b'{"error":"busy"}', "try again in 7 s, or see OLLAMA_MAX_QUEUE"),
        (401, {}, b'{"error":"no","signin_url":"https://ollama.com/connect?x"}', "; sign in at https://ollama.com/connect?x"),
        (304, {}, b"", "; Ollama never answers so: check the host, and what stands in front of the server"),
        (302, {}, b"", "; Ollama never answers so: check the host, and what stands in front of the server"),
    ],
)  # fmt: skip
def test_an_error_status_says_all_that_the_server_gave(world, serve, status, headers, body, said):
    server = serve(replies(whole(body, status, **headers)))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        client.chat("m", [])
    assert str(caught.value).endswith(said)


# Arguments


class _Colour:
    name: str


_COLOUR = [{"role": "user", "content": "x"}]
_ARGUMENTS = {
    "a list at another place": (
        lambda client: client.v1.systemone.create("m", "s", [{"type": "noul"}]),
        "questions is a list; give a dict",
    ),
    "content parts": (
        lambda client: client.chat("m", [{"role": "user", "content": [{"type": "text", "text": "x"}]}]),
        "messages[0].content is a list; give a str (content parts are for the /v1 methods; here images= takes pictures)",
    ),
    "one of several kinds": (
        lambda client: client.v1.systemone.create("m", 5, {}),
        "state is an int; give a str or a dict or a list",
    ),
    "a directory": (
        lambda client: client.generate("m", "x", images=[Path("/")]),
        "images[0]: '/' cannot be read: it is a directory; give a regular file",
    ),
    "a class, v1.chat": (
        lambda client: client.v1.chat.completions.create("m", _COLOUR, response_format=_Colour),
        (
            'response_format is the class _Colour, which cannot be sent as JSON; give {"type": "json_schema", "json_schema": '
            '{"name": ..., "schema": _Colour}}'
        ),
    ),
    "a class, v1.responses": (
        lambda client: client.v1.responses.create("m", "x", text=_Colour),
        (
            'text is the class _Colour, which cannot be sent as JSON; give {"format": {"type": "json_schema", "name": ..., '
            '"schema": _Colour}}'
        ),
    ),
    "a class, v1.messages": (
        lambda client: client.v1.messages.create("m", _COLOUR, 10, output_config=_Colour),
        (
            'output_config is the class _Colour, which cannot be sent as JSON; give {"format": {"type": "json_schema", "schema": '
            "_Colour}}"
        ),
    ),
    "no header": (
        lambda client: client.with_options(headers={"x": None}),
        "the header 'x' cannot be sent: its value is None; give a str, or leave it out: only extra_headers= of a call take None",
    ),
    "a header of numbers": (
        lambda client: client.chat("m", [], extra_headers={"x": 5}),
        "the header 'x' cannot be sent: its value is of type int; give a str",
    ),
}


@pytest.mark.parametrize("case", _ARGUMENTS)
def test_an_argument_is_refused_with_what_to_give(world, case):
    call, said = _ARGUMENTS[case]
    with world.client(f"127.0.0.1:{closed_port()}") as client, pytest.raises(ConfigurationError) as caught:
        call(client)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("http://host/?key=hunter2", "http://host/?***"),
        ("http://host:99999/a#hunter2", "http://host:99999/a#***"),
        ("http://host?key=me@hunter2", "http://***"),
        ("http://me:hunt?er2@host", "http://***"),
        ("http://me:hunter2@host/?key=hunter2", "http://***@host/?***"),
        ("ftp://host/?key=hunter2", "ftp://host/?***"),
        ("unix:///run/ollama.sock?hunter2", "unix:///run/ollama.sock?***"),
    ],
)
def test_no_error_about_a_host_shows_its_query(host, shown):
    with pytest.raises(ConfigurationError) as caught:
        Ollama(host)
    assert f"host {shown!r}" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("hunt", "er2"))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("http://me:hunter2@h/x?key=hunter2", "path is the URL 'http://***@h/x?***'; give only what follows the host"),
        ("/x?key=hunter2", "path is '/x?***'; give what follows the question mark as extra_query={...}"),
        ("/x#hunter2", "path is '/x#***'; leave out the fragment, which no server receives"),
        ("me:hunter2@h", "path is '***@h'; give one that begins with / and is percent-encoded"),
    ],
)
def test_no_error_about_a_path_shows_its_query(path, said):
    with Ollama() as client, pytest.raises(ConfigurationError) as caught:
        client.request("GET", path)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://x/?key=hunter2", "'http://x/?***'"),
        ("http://x/?key=hunter2&to=http://y", "'http://x/?***'"),
        ("http://x:port?hunter2", "'http://x:port?***'"),
        ("http://me:hun/ter2hunter2@x", "'http://***@x'"),
        (5, "5"),
    ],
)
def test_no_error_about_an_endpoint_shows_its_query(url, shown):
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(url)
    assert f"Endpoint(url={shown}): " in str(caught.value)
    assert not any(part in str(caught.value) for part in ("hunter2", "'hun'"))


def test_a_host_of_a_unix_socket_names_the_transport():
    with pytest.raises(
        ConfigurationError, match=r"use http.*, or for a Unix socket transport=HTTPTransport\(uds=\.\.\.\)$"
    ):
        Ollama("unix:///run/ollama.sock")
