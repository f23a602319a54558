"""Which requests go to the proxy that the environment names: never one that httpx or curl would send directly."""

from __future__ import annotations

import httpx
import pytest

from ollama_sdk._transport.environment import is_loopback, proxy_setting
from ollama_sdk.errors import APIConnectionError
from tests.support.loopback import replies, whole

PROXY = "http://proxy.example:3128"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "http://gpu.corp:11434"),
        ("other, *", "http://gpu.corp:11434"),
        ("gpu.corp", "http://gpu.corp:11434"),
        ("GPU.corp", "http://gpu.CORP:11434"),
        ("corp", "http://gpu.corp:11434"),
        (".corp", "http://gpu.corp:11434"),
        (".corp", "http://corp:11434"),
        ("*.corp", "http://gpu.corp:11434"),
        ("*.corp", "http://a.gpu.corp:11434"),
        ("corp.", "http://gpu.corp:11434"),
        ("corp", "http://gpu.corp.:11434"),
        ("a b\tgpu.corp", "http://gpu.corp:11434"),
        ("a,,gpu.corp,", "http://gpu.corp:11434"),
        ("gpu.corp:11434", "http://gpu.corp:11434"),
        ("gpu.corp:80", "http://gpu.corp"),
        ("gpu.corp:443", "https://gpu.corp"),
        ("*.corp:11434", "http://gpu.corp:11434"),
        ("*:11434", "http://gpu.corp:11434"),
        ("http://gpu.corp", "http://gpu.corp:11434"),
        ("all://gpu.corp:11434", "https://gpu.corp:11434"),
        ("b\u00fccher.corp", "http://xn--bcher-kva.corp"),
        ("xn--bcher-kva.corp", "http://b\u00fccher.corp"),
        ("10.0.0.1", "http://10.0.0.1:11434"),
        ("10.0.0.1:11434", "http://10.0.0.1:11434"),
        ("10.1", "http://10.0.0.1:11434"),
        ("10.0.0.1", "http://0xa.1:11434"),
        ("10.0.0.1", "http://[::ffff:10.0.0.1]:11434"),
        ("::ffff:10.0.0.1", "http://10.0.0.1:11434"),
        ("10.0.0.0/8", "http://10.1.2.3:11434"),
        ("10.1.2.3/8", "http://10.9.9.9"),
        ("10.0.0.0/8:11434", "http://10.1.2.3:11434"),
        ("10.0.0.0/8", "http://[::ffff:10.1.2.3]"),
        ("::ffff:10.0.0.0/104", "http://10.1.2.3"),
        ("fd00::1", "http://[fd00::1]:11434"),
        ("[fd00::1]", "http://[fd00::1]:11434"),
        ("[fd00::1]:11434", "http://[fd00:0::1]:11434"),
        ("fd00::/8", "http://[fd00::1]:11434"),
        ("[fd00::]/8", "http://[fd00::1]:11434"),
    ],
)
def test_host_in_no_proxy_is_called_directly(monkeypatch, no_proxy, url):
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_setting(httpx.URL(url)) is None


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "http://gpu.corp:11434"),
        (" , ", "http://gpu.corp:11434"),
        (".", "http://gpu.corp:11434"),
        ("gpu.corp:11435", "http://gpu.corp:11434"),
        ("gpu.corp:11434", "http://gpu.corp"),
        ("*:80", "http://gpu.corp:11434"),
        ("rp", "http://gpu.corp:11434"),
        ("xgpu.corp", "http://gpu.corp:11434"),
        ("https://gpu.corp", "http://gpu.corp:11434"),
        ("10.0.0.1", "http://10.0.0.10:11434"),
        ("0.0.1", "http://10.0.0.1:11434"),
        ("10.0.0.0/8", "http://11.1.2.3:11434"),
        ("10.0.0.0/8", "http://gpu.corp:11434"),
        ("10.0.0.0/99,corp/8,/", "http://10.0.0.1"),
        ("fd00::/8", "http://10.0.0.1"),
        ("fd00::1", "http://[fd00::2]:11434"),
        ("[fd00::1]:11435", "http://[fd00::1]:11434"),
    ],
)
def test_other_hosts_are_called_through_the_proxy(monkeypatch, no_proxy, url):
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_setting(httpx.URL(url)) == ("ALL_PROXY", PROXY)


LOOPBACKS = [
    "localhost", "LocalHost.", "ollama.localhost", "127.0.0.1", "127.1", "127.255.255.254", "0x7f.1", "0177.1", "2130706433",
    "0.0.0.0", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACKS)
def test_this_computer_is_never_called_through_a_proxy(monkeypatch, host):
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_setting(httpx.URL(f"http://{host}:11434")) is None


@pytest.mark.parametrize(
    "host", ["localhost.example", "127.example", "128.0.0.1", "::2", "", "mylocalhost", "1e400", "²"]
)
def test_what_looks_like_this_computer_is_not(host):
    assert not is_loopback(host)


def test_lower_case_and_the_scheme_have_precedence(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://upper.example")
    monkeypatch.setenv("http_proxy", "http://lower.example")
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "")
    assert proxy_setting(httpx.URL("http://gpu.corp")) == ("http_proxy", "http://lower.example")
    assert proxy_setting(httpx.URL("https://gpu.corp")) == ("ALL_PROXY", PROXY)


@pytest.mark.plain
@pytest.mark.parametrize("host", ["127.1", "[::ffff:127.0.0.1]", "0x7f.1"])
def test_key_for_this_computer_never_reaches_a_proxy(world, serve, monkeypatch, host):
    server, proxy = serve(replies(whole(b'{"version": "1"}'))), serve(replies(whole(b'{"version": "proxy"}')))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with world.client(f"http://{host}:{server.port}", api_key="a-secret-key") as client:
        assert client.version().version == "1"
    assert not proxy.requests
    assert server.requests[0].headers["authorization"] == "Bearer a-secret-key"


@pytest.mark.parametrize("no_proxy", ["*.invalid", ".invalid", "no-such-host.invalid:11434", "*"])
def test_error_of_a_direct_call_does_not_blame_the_proxy(world, serve, monkeypatch, no_proxy):
    proxy = serve(replies(whole(b'{"version": "proxy"}')))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    with world.client("http://no-such-host.invalid:11434", api_key="a-secret-key") as client:
        with pytest.raises(APIConnectionError) as raised:
            client.version()
        assert "proxy" not in str(raised.value)
        assert not proxy.requests
    monkeypatch.setenv("NO_PROXY", "elsewhere")
    with world.client("http://no-such-host.invalid:11434") as client:
        assert client.version().version == "proxy"
