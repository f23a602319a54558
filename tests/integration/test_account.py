"""Routes that need an account at ollama.com answer, or are refused by a typed error."""

from __future__ import annotations

import os

import pytest

from ollama_sdk import AuthenticationError, ConfigurationError, PermissionDeniedError, ServiceUnavailableError
from tests.integration.live import Caller

REFUSALS = (AuthenticationError, PermissionDeniedError, ServiceUnavailableError)


def test_account_answers_or_is_refused(caller: Caller):
    try:
        user = caller.call("me")
    except REFUSALS as error:
        assert error.message  # noqa: PT017 - either outcome is right
    else:
        assert user.name


def test_sign_out_succeeds_when_signed_out(caller: Caller):
    try:
        caller.call("me")
    except AuthenticationError:
        assert caller.call("signout") is None
    except REFUSALS as error:
        pytest.skip(f"this server has no account: {error.message}")
    else:
        pytest.skip("this server is signed in, and stays so")


@pytest.mark.parametrize(("method", "argument"), [("web_search", "ollama"), ("web_fetch", "https://ollama.com")])
def test_web_through_the_server_answers_or_is_refused(caller: Caller, method: str, argument: str):
    try:
        caller.call(f"experimental.{method}", argument)
    except REFUSALS as error:
        assert error.message  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(("method", "argument"), [("web_search", "ollama"), ("web_fetch", "https://ollama.com")])
def test_web_needs_a_key(caller: Caller, method: str, argument: str):
    if os.environ.get("OLLAMA_API_KEY"):
        assert caller.call(method, argument)
        return
    with pytest.raises(ConfigurationError, match="OLLAMA_API_KEY"):
        caller.call(method, argument)


def test_models_are_recommended(caller: Caller):
    assert all(item.model for item in caller.call("experimental.model_recommendations").recommendations)
