# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The view of the sync client whose methods return status and headers with the reply."""

from __future__ import annotations

from typing import Final

from ollama_sdk._call.raw import raw as _raw
from ollama_sdk._raw_client import SyncRawClient, SyncRawNamespace

from .sync_client import (
    Experimental,
    Ollama,
    V1AudioSpeech,
    V1AudioTranscriptions,
    V1ChatCompletions,
    V1Completions,
    V1Embeddings,
    V1Messages,
    V1Models,
    V1Responses,
    V1Systemone,
)

__all__ = ["RawOllama"]


class RawV1AudioSpeech(SyncRawNamespace):
    """The methods of :class:`V1AudioSpeech`, returning status and headers with the reply."""

    create: Final = _raw(V1AudioSpeech.create)


class RawV1AudioTranscriptions(SyncRawNamespace):
    """The methods of :class:`V1AudioTranscriptions`, returning status and headers with the reply."""

    create: Final = _raw(V1AudioTranscriptions.create)


class RawV1ChatCompletions(SyncRawNamespace):
    """The methods of :class:`V1ChatCompletions`, returning status and headers with the reply."""

    create: Final = _raw(V1ChatCompletions.create)


class RawV1Audio(SyncRawNamespace):
    """The methods of :class:`V1Audio`, returning status and headers with the reply."""

    @property
    def speech(self) -> RawV1AudioSpeech:
        """The ``v1.audio.speech`` methods."""
        return RawV1AudioSpeech(self._runtime)

    @property
    def transcriptions(self) -> RawV1AudioTranscriptions:
        """The ``v1.audio.transcriptions`` methods."""
        return RawV1AudioTranscriptions(self._runtime)


class RawV1Chat(SyncRawNamespace):
    """The methods of :class:`V1Chat`, returning status and headers with the reply."""

    @property
    def completions(self) -> RawV1ChatCompletions:
        """The ``v1.chat.completions`` methods."""
        return RawV1ChatCompletions(self._runtime)


class RawV1Completions(SyncRawNamespace):
    """The methods of :class:`V1Completions`, returning status and headers with the reply."""

    create: Final = _raw(V1Completions.create)


class RawV1Embeddings(SyncRawNamespace):
    """The methods of :class:`V1Embeddings`, returning status and headers with the reply."""

    create: Final = _raw(V1Embeddings.create)


class RawV1Messages(SyncRawNamespace):
    """The methods of :class:`V1Messages`, returning status and headers with the reply."""

    create: Final = _raw(V1Messages.create)


class RawV1Models(SyncRawNamespace):
    """The methods of :class:`V1Models`, returning status and headers with the reply."""

    list: Final = _raw(V1Models.list)
    retrieve: Final = _raw(V1Models.retrieve)


class RawV1Responses(SyncRawNamespace):
    """The methods of :class:`V1Responses`, returning status and headers with the reply."""

    compact: Final = _raw(V1Responses.compact)
    create: Final = _raw(V1Responses.create)


class RawV1Systemone(SyncRawNamespace):
    """The methods of :class:`V1Systemone`, returning status and headers with the reply."""

    create: Final = _raw(V1Systemone.create)


class RawExperimental(SyncRawNamespace):
    """The methods of :class:`Experimental`, returning status and headers with the reply."""

    model_recommendations: Final = _raw(Experimental.model_recommendations)
    web_fetch: Final = _raw(Experimental.web_fetch)
    web_search: Final = _raw(Experimental.web_search)


class RawV1(SyncRawNamespace):
    """The methods of :class:`V1`, returning status and headers with the reply."""

    @property
    def audio(self) -> RawV1Audio:
        """The ``v1.audio`` methods."""
        return RawV1Audio(self._runtime)

    @property
    def chat(self) -> RawV1Chat:
        """The ``v1.chat`` methods."""
        return RawV1Chat(self._runtime)

    @property
    def completions(self) -> RawV1Completions:
        """The ``v1.completions`` methods."""
        return RawV1Completions(self._runtime)

    @property
    def embeddings(self) -> RawV1Embeddings:
        """The ``v1.embeddings`` methods."""
        return RawV1Embeddings(self._runtime)

    @property
    def messages(self) -> RawV1Messages:
        """The ``v1.messages`` methods."""
        return RawV1Messages(self._runtime)

    @property
    def models(self) -> RawV1Models:
        """The ``v1.models`` methods."""
        return RawV1Models(self._runtime)

    @property
    def responses(self) -> RawV1Responses:
        """The ``v1.responses`` methods."""
        return RawV1Responses(self._runtime)

    @property
    def systemone(self) -> RawV1Systemone:
        """The ``v1.systemone`` methods."""
        return RawV1Systemone(self._runtime)


class RawOllama(SyncRawClient):
    """The methods of :class:`Ollama`, returning status and headers with the reply."""

    @property
    def experimental(self) -> RawExperimental:
        """The ``experimental`` methods."""
        return RawExperimental(self._runtime)

    @property
    def v1(self) -> RawV1:
        """The ``v1`` methods."""
        return RawV1(self._runtime)

    balance: Final = _raw(Ollama.balance)
    blob_exists: Final = _raw(Ollama.blob_exists)
    chat: Final = _raw(Ollama.chat)
    copy: Final = _raw(Ollama.copy)
    create: Final = _raw(Ollama.create)
    delete: Final = _raw(Ollama.delete)
    embed: Final = _raw(Ollama.embed)
    embeddings: Final = _raw(Ollama.embeddings)
    generate: Final = _raw(Ollama.generate)
    is_available: Final = _raw(Ollama.is_available)
    list_models: Final = _raw(Ollama.list_models)
    list_running: Final = _raw(Ollama.list_running)
    me: Final = _raw(Ollama.me)
    pull: Final = _raw(Ollama.pull)
    push: Final = _raw(Ollama.push)
    show: Final = _raw(Ollama.show)
    signout: Final = _raw(Ollama.signout)
    status: Final = _raw(Ollama.status)
    upload_blob: Final = _raw(Ollama.upload_blob)
    usage: Final = _raw(Ollama.usage)
    version: Final = _raw(Ollama.version)
    web_fetch: Final = _raw(Ollama.web_fetch)
    web_search: Final = _raw(Ollama.web_search)
