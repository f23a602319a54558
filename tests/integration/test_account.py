"""What concerns an account at ollama.com: a signed-out server refuses it in a typed way."""

from __future__ import annotations

import os

import pytest

from ollama_sdk import AuthenticationError, ConfigurationError, PermissionDeniedError, ServiceUnavailableError
from tests.integration.live import Caller

REFUSALS = (AuthenticationError, PermissionDeniedError, ServiceUnavailableError)


def test_the_account_is_told_or_refused(caller: Caller):
    try:
        user = caller.call("me")
    except REFUSALS as error:
        assert error.message  # noqa: PT017 - either outcome is right
    else:
        assert user.name


def test_signing_out_when_nobody_is_signed_in_changes_nothing(caller: Caller):
    try:
        caller.call("me")
    except AuthenticationError:
        assert caller.call("signout") is None
    except REFUSALS as error:
        pytest.skip(f"this server has no account: {error.message}")
    else:
        pytest.skip("this server is signed in, and stays so")


@pytest.mark.parametrize(("method", "argument"), [("web_search", "ollama"), ("web_fetch", "https://ollama.com")])
def test_the_web_is_asked_through_the_server_or_refused(caller: Caller, method: str, argument: str):
    try:
        caller.call(f"experimental.{method}", argument)
    except REFUSALS as error:
        assert error.message  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(("method", "argument"), [("web_search", "ollama"), ("web_fetch", "https://ollama.com")])
def test_the_web_is_asked_with_a_key(caller: Caller, method: str, argument: str):
    if os.environ.get("OLLAMA_API_KEY"):
        assert caller.call(method, argument)
        return
    with pytest.raises(ConfigurationError, match="OLLAMA_API_KEY"):
        caller.call(method, argument)


def test_models_are_recommended(caller: Caller):
    assert all(item.model for item in caller.call("experimental.model_recommendations").recommendations)
