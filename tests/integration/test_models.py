"""Routes about models, blobs and the server work; only models that the tests created are changed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from ollama_sdk import NotFoundError, OllamaError
from tests.integration.live import SHORT, Caller, Server


def names(caller: Caller) -> set[str]:
    return {model.model.removesuffix(":latest") for model in caller.call("list_models").models}


def test_server_answers(caller: Caller):
    assert caller.call("is_available") is True


def test_version_is_reported(caller: Caller):
    assert caller.call("version").version


def test_status_is_reported(caller: Caller):
    assert caller.call("status").cloud is not None


def test_models_are_listed(caller: Caller, server: Server):
    assert server.model.removesuffix(":latest") in names(caller)


def test_model_in_use_is_listed_as_running(caller: Caller, server: Server):
    """Names of the same weights share one runner, and the server lists one of them."""
    caller.call("generate", server.model, "Hi", options=SHORT, keep_alive="1m")
    running = caller.call("list_running").models
    listed = caller.call("list_models").models
    digests = {model.digest for model in listed if model.model == server.model}
    names = {model.model.removesuffix(":latest") for model in running}
    assert server.model.removesuffix(":latest") in names or digests & {model.digest for model in running}


def test_model_is_shown(caller: Caller, server: Server):
    shown = caller.call("show", server.model)
    assert shown.details.format
    assert caller.call("show", server.model, verbose=True).model_info


def test_model_is_copied_and_deleted(caller: Caller, server: Server, new_name: Callable[[], str]):
    name = new_name()
    assert caller.call("copy", server.model, name) is None
    assert name in names(caller)
    assert caller.call("delete", name) is None
    assert name not in names(caller)
    with pytest.raises(NotFoundError):
        caller.call("delete", name)


def test_model_is_created_from_another(caller: Caller, copied: str, server: Server, new_name: Callable[[], str]):
    server.knows("create", "from_")
    name = new_name()
    assert caller.call("create", name, from_=copied, system="You are brief.").status == "success"
    assert caller.call("show", name).system == "You are brief."


def test_create_streams_its_progress(caller: Caller, copied: str, server: Server, new_name: Callable[[], str]):
    server.knows("create", "from_")
    items = caller.stream("create", new_name(), from_=copied, parameters={"temperature": 0})
    assert items[-1].status == "success"
    assert caller.collect("create", new_name(), from_=copied).status == "success"


def test_uploaded_blob_is_found(caller: Caller):
    content = os.urandom(64)  # the server drops blobs that no model uses when it next starts
    digest = caller.call("upload_blob", content=content)
    assert caller.call("blob_exists", digest) is True
    assert caller.call("upload_blob", digest, content) == digest


def test_missing_blob_is_not_found(caller: Caller):
    assert caller.call("blob_exists", "sha256:" + "0" * 64) is False


def test_model_is_pulled(caller: Caller, pullable: str):
    assert caller.call("pull", pullable).status == "success"
    items = caller.stream("pull", pullable)
    assert items[0].status == "pulling manifest"
    assert items[-1].status == "success"


@pytest.mark.parametrize("stream", [False, True])
def test_push_succeeds_or_reports_an_error(caller: Caller, pullable: str, copied: str, stream: bool):
    try:
        last = (caller.stream("push", copied)[-1] if stream else caller.call("push", copied)).status
    except OllamaError as error:
        last = str(error)
    assert last


def test_pull_of_unknown_model_fails_in_the_stream(caller: Caller, pullable: str):
    with pytest.raises(OllamaError, match="pull"):
        caller.stream("pull", "sdk-test/there-is-no-such-model")
