# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The view of the async client whose methods return status and headers with the reply."""

from __future__ import annotations

from typing import Final

from ollama_sdk._call.raw import async_raw as _raw
from ollama_sdk._raw_client import AsyncRawClient, AsyncRawNamespace

from .async_client import (
    AsyncExperimental,
    AsyncOllama,
    AsyncV1AudioSpeech,
    AsyncV1AudioTranscriptions,
    AsyncV1ChatCompletions,
    AsyncV1Completions,
    AsyncV1Embeddings,
    AsyncV1Messages,
    AsyncV1Models,
    AsyncV1Responses,
    AsyncV1Systemone,
)

__all__ = ["AsyncRawOllama"]


class AsyncRawV1AudioSpeech(AsyncRawNamespace):
    """The methods of :class:`AsyncV1AudioSpeech`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1AudioSpeech.create)


class AsyncRawV1AudioTranscriptions(AsyncRawNamespace):
    """The methods of :class:`AsyncV1AudioTranscriptions`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1AudioTranscriptions.create)


class AsyncRawV1ChatCompletions(AsyncRawNamespace):
    """The methods of :class:`AsyncV1ChatCompletions`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1ChatCompletions.create)


class AsyncRawV1Audio(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Audio`, returning status and headers with the reply."""

    @property
    def speech(self) -> AsyncRawV1AudioSpeech:
        """The ``v1.audio.speech`` methods."""
        return AsyncRawV1AudioSpeech(self._runtime)

    @property
    def transcriptions(self) -> AsyncRawV1AudioTranscriptions:
        """The ``v1.audio.transcriptions`` methods."""
        return AsyncRawV1AudioTranscriptions(self._runtime)


class AsyncRawV1Chat(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Chat`, returning status and headers with the reply."""

    @property
    def completions(self) -> AsyncRawV1ChatCompletions:
        """The ``v1.chat.completions`` methods."""
        return AsyncRawV1ChatCompletions(self._runtime)


class AsyncRawV1Completions(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Completions`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1Completions.create)


class AsyncRawV1Embeddings(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Embeddings`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1Embeddings.create)


class AsyncRawV1Messages(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Messages`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1Messages.create)


class AsyncRawV1Models(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Models`, returning status and headers with the reply."""

    list: Final = _raw(AsyncV1Models.list)
    retrieve: Final = _raw(AsyncV1Models.retrieve)


class AsyncRawV1Responses(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Responses`, returning status and headers with the reply."""

    compact: Final = _raw(AsyncV1Responses.compact)
    create: Final = _raw(AsyncV1Responses.create)


class AsyncRawV1Systemone(AsyncRawNamespace):
    """The methods of :class:`AsyncV1Systemone`, returning status and headers with the reply."""

    create: Final = _raw(AsyncV1Systemone.create)


class AsyncRawExperimental(AsyncRawNamespace):
    """The methods of :class:`AsyncExperimental`, returning status and headers with the reply."""

    model_recommendations: Final = _raw(AsyncExperimental.model_recommendations)
    web_fetch: Final = _raw(AsyncExperimental.web_fetch)
    web_search: Final = _raw(AsyncExperimental.web_search)


class AsyncRawV1(AsyncRawNamespace):
    """The methods of :class:`AsyncV1`, returning status and headers with the reply."""

    @property
    def audio(self) -> AsyncRawV1Audio:
        """The ``v1.audio`` methods."""
        return AsyncRawV1Audio(self._runtime)

    @property
    def chat(self) -> AsyncRawV1Chat:
        """The ``v1.chat`` methods."""
        return AsyncRawV1Chat(self._runtime)

    @property
    def completions(self) -> AsyncRawV1Completions:
        """The ``v1.completions`` methods."""
        return AsyncRawV1Completions(self._runtime)

    @property
    def embeddings(self) -> AsyncRawV1Embeddings:
        """The ``v1.embeddings`` methods."""
        return AsyncRawV1Embeddings(self._runtime)

    @property
    def messages(self) -> AsyncRawV1Messages:
        """The ``v1.messages`` methods."""
        return AsyncRawV1Messages(self._runtime)

    @property
    def models(self) -> AsyncRawV1Models:
        """The ``v1.models`` methods."""
        return AsyncRawV1Models(self._runtime)

    @property
    def responses(self) -> AsyncRawV1Responses:
        """The ``v1.responses`` methods."""
        return AsyncRawV1Responses(self._runtime)

    @property
    def systemone(self) -> AsyncRawV1Systemone:
        """The ``v1.systemone`` methods."""
        return AsyncRawV1Systemone(self._runtime)


class AsyncRawOllama(AsyncRawClient):
    """The methods of :class:`AsyncOllama`, returning status and headers with the reply."""

    @property
    def experimental(self) -> AsyncRawExperimental:
        """The ``experimental`` methods."""
        return AsyncRawExperimental(self._runtime)

    @property
    def v1(self) -> AsyncRawV1:
        """The ``v1`` methods."""
        return AsyncRawV1(self._runtime)

    balance: Final = _raw(AsyncOllama.balance)
    blob_exists: Final = _raw(AsyncOllama.blob_exists)
    chat: Final = _raw(AsyncOllama.chat)
    copy: Final = _raw(AsyncOllama.copy)
    create: Final = _raw(AsyncOllama.create)
    delete: Final = _raw(AsyncOllama.delete)
    embed: Final = _raw(AsyncOllama.embed)
    embeddings: Final = _raw(AsyncOllama.embeddings)
    generate: Final = _raw(AsyncOllama.generate)
    is_available: Final = _raw(AsyncOllama.is_available)
    list_models: Final = _raw(AsyncOllama.list_models)
    list_running: Final = _raw(AsyncOllama.list_running)
    me: Final = _raw(AsyncOllama.me)
    pull: Final = _raw(AsyncOllama.pull)
    push: Final = _raw(AsyncOllama.push)
    show: Final = _raw(AsyncOllama.show)
    signout: Final = _raw(AsyncOllama.signout)
    status: Final = _raw(AsyncOllama.status)
    upload_blob: Final = _raw(AsyncOllama.upload_blob)
    usage: Final = _raw(AsyncOllama.usage)
    version: Final = _raw(AsyncOllama.version)
    web_fetch: Final = _raw(AsyncOllama.web_fetch)
    web_search: Final = _raw(AsyncOllama.web_search)
