"""Calls over TLS, to a server whose certificate the environment trusts, or does not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ollama_sdk import (
    APIConnectionError,
    AsyncHTTPTransport,
    ConfigurationError,
    HTTPTransport,
    IncompleteReplyError,
    Retry,
)
from tests.support.loopback import head, replies, whole
from tests.support.transports import CERTIFICATE, server_context, trusting

# A certificate that names a client, and its key; good for a hundred years.
_CLIENT_CERTIFICATE = Path(__file__).parent / "client.pem"
_BAD_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)


@pytest.fixture
def tls():
    """The server's side of TLS."""
    return server_context()


@pytest.fixture
def _trusted(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("_trusted")
def test_a_server_with_a_trusted_certificate_answers(world, serve, tls):
    server = serve(replies(whole(b'{"version": "0.12.0"}')), tls=tls)
    with world.client(server.url) as client:
        assert client.version().version == "0.12.0"


def test_untrusted_certificate_is_refused_with_the_reason(world, serve, tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    server = serve(replies(b""), tls=tls)
    with world.client(server.url) as client, pytest.raises(APIConnectionError, match=r"(?i)certificate") as caught:
        client.version()
    assert "SSL_CERT_FILE" in str(caught.value)
    assert "ollama serve" not in str(caught.value)
    assert not server.requests


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("begun", [b"", head(content_length=9)], ids=["before the head", "in the body"])
def test_unsafe_call_is_not_retried_when_tls_breaks_later(world, serve, tls, begun):
    def script(connection):
        connection.answer(begun)
        connection.send_below_tls(_BAD_RECORD)
        connection.watch()

    server = serve(script, tls=tls)
    with world.client(server.url, retry=Retry(initial=0.001, maximum=0.002)) as client:
        with pytest.raises((APIConnectionError, IncompleteReplyError)):
            client.create("mine", from_="llama3.2")
        assert len(server.requests) == 1


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_are_not_there_are_named(world, monkeypatch, tmp_path, content):
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with world.client("https://127.0.0.1:9") as client, pytest.raises(ConfigurationError) as caught:
        client.version()
    assert f"SSL_CERT_FILE names {str(path)!r}" in str(caught.value)


# A server that demands a certificate of its clients


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
def demanding(request, tls):
    """The server's side of TLS, which demands the certificate of the client."""
    tls.maximum_version = request.param
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(_CLIENT_CERTIFICATE)
    return tls


def _transport(world, certificate=None):
    context = trusting()
    if certificate is not None:
        context.load_cert_chain(certificate)
    return (HTTPTransport if world.kind == "sync" else AsyncHTTPTransport)(ssl_context=context, trust_env=False)


def test_client_certificate_is_presented_to_the_server(world, serve, demanding):
    server = serve(replies(whole(b'{"version": "0.12.0"}')), tls=demanding)
    with world.client(server.url, transport=_transport(world, _CLIENT_CERTIFICATE)) as client:
        assert client.version().version == "0.12.0"


@pytest.mark.parametrize("certificate", [None, CERTIFICATE], ids=["none", "another"])
def test_refused_client_certificate_is_named_in_the_error(world, serve, demanding, certificate):
    server = serve(replies(b""), tls=demanding)
    with (
        world.client(server.url, transport=_transport(world, certificate)) as client,
        pytest.raises(APIConnectionError, match=r"ALERT.*client certificate.*load_cert_chain") as caught,
    ):
        client.version()
    assert "ollama serve" not in str(caught.value)
    assert "does not speak HTTP" not in str(caught.value)
    assert not server.requests
