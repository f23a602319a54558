"""Holds the state of one emulated server and lets models answer from it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from attrs import define, field

from ollama_sdk._generated import DOCUMENT_VERSION
from ollama_sdk.testing._model.embeddings import embedding
from ollama_sdk.testing._model.json import compact, is_object
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.schema_check import conversion_error
from ollama_sdk.testing._model.tokens import token_count
from ollama_sdk.testing._routes.answer import Answer
from ollama_sdk.testing._server.scheduler import Scheduler
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.models import Blobs, Models, Registry
from ollama_sdk.testing.script import Script, ScriptedReply, Speed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from ollama_sdk.testing.models import Capability, EmulatedModel
    from ollama_sdk.testing.script import Prompt

__all__ = ["SIGNIN_URL", "TRY_PULLING", "Backend", "Cloud", "check_length", "require", "require_for_prompt"]

Cloud = Literal["signed out", "disabled"]

SIGNIN_URL = "https://ollama.com/connect?name=emulator&key=c3NoLWVkMjU1MTk"
TRY_PULLING = 'model "{}" not found, try pulling it first'
_NO_SUCH_MODEL = "model '{}' not found"


@define(kw_only=True)
class Backend:
    """The state of one emulated server.

    Attributes:
        models: The models on the server.
        registry: The models that can be pulled.
        blobs: The files on the server.
        script: The answers of the models.
        scheduler: The models in memory.
        speed: The speed of models that have no own speed.
        cloud: Whether the server is signed out of ollama.com, or has the cloud switched off.
        version: The version of the server.
    """

    models: Models = field(factory=Models)
    registry: Registry = field(factory=Registry)
    blobs: Blobs = field(factory=Blobs)
    script: Script = field(factory=Script)
    scheduler: Scheduler = field(factory=Scheduler)
    speed: Speed = field(factory=Speed)
    cloud: Cloud = "signed out"
    version: str = DOCUMENT_VERSION

    def model(self, name: str, *, missing: str = _NO_SUCH_MODEL) -> EmulatedModel:
        """Return the model of a request.

        Args:
            name: The name as the request has it.
            missing: The error text of the route for an unknown model.

        Raises:
            StatusError: 400 for an invalid name, 404 for an unknown model, 401 or 403 for a cloud model.
        """
        parsed = ModelName.parse(name)
        if parsed is None:
            if not name:
                raise StatusError(404, _NO_SUCH_MODEL.format(""))
            raise StatusError(400, "invalid model name")
        found = self.models.get(parsed)
        if found is not None:
            return found
        if parsed.is_cloud:
            self.refuse_cloud("remote model is unavailable")
        raise StatusError(404, missing.format(name))

    def refuse_cloud(self, what: str) -> NoReturn:
        """Refuse a request that only ollama.com could answer.

        Raises:
            StatusError: 401 with the address to sign in, or 403 if the cloud is switched off.
        """
        if self.cloud == "disabled":
            raise StatusError(403, f"ollama cloud is disabled: {what}", native=True)
        raise StatusError(401, "unauthorized", signin_url=SIGNIN_URL)

    def speed_of(self, model: EmulatedModel) -> Speed:
        """Return the speed of a model."""
        return model.speed or self.speed

    @asynccontextmanager
    async def answering(
        self, prompt: Prompt, model: EmulatedModel, *, keep_alive: float | None = None
    ) -> AsyncGenerator[Answer]:
        """Hold a permit of the model and yield its answer."""
        speed = self.speed_of(model)
        context = _context_length(prompt, model)
        async with self.scheduler.permit(model, speed, keep_alive=keep_alive, context=context) as load:
            _check_schema(prompt.format)
            thinks = "thinking" in model.capabilities and prompt.think not in {False, "none"}
            # Without messages Ollama only loads the model.
            reply = self.script.reply(prompt, thinks=thinks) if prompt.messages else ScriptedReply()
            yield Answer(prompt, reply, speed, load_seconds=load, context=context)

    async def embed(
        self,
        model: EmulatedModel,
        texts: Sequence[str],
        *,
        dimensions: int | None = None,
        keep_alive: float | None = None,
    ) -> tuple[list[list[float]], int]:
        """Return the vectors of some texts, and the number of all their tokens.

        Raises:
            StatusError: 501 if the model cannot embed.
        """
        async with self.scheduler.permit(model, self.speed_of(model), keep_alive=keep_alive):
            if "embedding" not in model.capabilities:
                raise StatusError(501, "This server does not support embeddings. Start it with `--embeddings`")
            vectors = [embedding(text, model.embedding_length, dimensions) for text in texts]
            return vectors, sum(token_count(text) + 2 for text in texts)


def require(model: EmulatedModel, capability: Capability) -> None:
    """Check that a model has a capability.

    Raises:
        StatusError: 400 if the model lacks it.
    """
    if capability not in model.capabilities:
        raise StatusError(400, f"{model.name.full} does not support {capability}")


def require_for_prompt(model: EmulatedModel, prompt: Prompt, work: Literal["chat", "generate"]) -> None:
    """Check that a model has the capabilities for a prompt.

    Raises:
        StatusError: 400 if it cannot answer, think, call tools or look at images.
    """
    if "completion" not in model.capabilities:
        raise StatusError(400, f'"{prompt.model}" does not support {work}')
    if prompt.think and "thinking" not in model.capabilities:
        raise StatusError(400, f'"{prompt.model}" does not support thinking')
    if prompt.tools:
        require(model, "tools")
    if any(message.get("images") for message in prompt.messages):
        require(model, "vision")


def check_length(prompt: Prompt, model: EmulatedModel) -> None:
    """Check that a prompt fits into the context.

    Raises:
        StatusError: 400 if it does not.
    """
    context = _context_length(prompt, model)
    if prompt.tokens <= context:
        return
    text = f"request ({prompt.tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    error = {"code": 400, "message": text, "type": "exceed_context_size_error"}
    error |= {"n_prompt_tokens": prompt.tokens, "n_ctx": context}
    raise StatusError(400, compact({"error": error}), stage="answer")


def _check_schema(wanted: Any) -> None:
    """Check that a model can follow a schema.

    Raises:
        StatusError: 400 if the schema cannot be converted.
    """
    reason = conversion_error(wanted) if is_object(wanted) else None
    if reason is not None:
        text = f"failed to parse grammar: JSON schema conversion failed: {reason}"
        error = {"code": 400, "message": text, "type": "invalid_request_error"}
        raise StatusError(400, compact({"error": error}), stage="answer")


def _context_length(prompt: Prompt, model: EmulatedModel) -> int:
    wanted: int = prompt.options.get("num_ctx", 0)
    return wanted if wanted > 0 else model.context_length
