"""What stands behind every route: the models, what they say, and who may speak when."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk.testing._model.embeddings import embedding
from ollama_sdk.testing._model.json import Json, compact, is_object
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._routes.answers import Answer
from ollama_sdk.testing._server.http import Refusal
from ollama_sdk.testing._server.scheduler import Scheduler
from ollama_sdk.testing.models import Blobs, Capability, Model, Models, Registry
from ollama_sdk.testing.script import Prompt, Script, Speed, token_count

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

__all__ = [
    "SIGNIN_URL",
    "Backend",
    "Cloud",
    "check_format",
    "check_length",
    "checked_effort",
    "checked_logprobs",
    "checked_think",
    "require",
    "require_thinking",
    "require_voice",
    "timestamp",
]

Cloud = Literal["signed out", "disabled"]

SIGNIN_URL = "https://ollama.com/connect?name=emulator&key=c3NoLWVkMjU1MTk"
_THINK_LEVELS = ("high", "medium", "low", "max")
_MOST_LOGPROBS = 20
_NO_SUCH_MODEL = "model '{}' not found"


@define(kw_only=True)
class Backend:
    """The state of one emulated server."""

    models: Models = field(factory=Models)
    registry: Registry = field(factory=Registry)
    blobs: Blobs = field(factory=Blobs)
    script: Script = field(factory=Script)
    scheduler: Scheduler = field(factory=Scheduler)
    speed: Speed = field(factory=Speed)
    cloud: Cloud = "signed out"
    version: str = "0.33.0"

    def model(self, name: str, *, missing: str = _NO_SUCH_MODEL) -> Model:
        """The model that a request names.

        Args:
            name: As the request has it.
            missing: What the route says when there is none.

        Raises:
            Refusal: 400 for a name that cannot be, 404 for an unknown model, 401 or 403 for one of the cloud.
        """
        parsed = ModelName.parse(name)
        if parsed is None:
            if not name:
                raise Refusal(404, _NO_SUCH_MODEL.format(""))
            raise Refusal(400, "invalid model name")
        found = self.models.get(parsed)
        if found is not None:
            return found
        if parsed.is_cloud:
            self.refuse_cloud("remote model is unavailable")
        raise Refusal(404, missing.format(name))

    def refuse_cloud(self, what: str) -> None:
        """Answer a request that only ollama.com could fulfil.

        Raises:
            Refusal: Always: 401 with where to sign in, or 403 on a server that has the cloud switched off.
        """
        if self.cloud == "disabled":
            raise Refusal(403, f"ollama cloud is disabled: {what}")
        raise Refusal(401, "unauthorized", signin_url=SIGNIN_URL)

    @asynccontextmanager
    async def answering(
        self, prompt: Prompt, model: Model, *, keep_alive: float | None = None
    ) -> AsyncGenerator[Answer]:
        """Take the model's turn and let it answer."""
        speed = model.speed or self.speed
        context = _context_length(prompt, model)
        async with self.scheduler.turn(model, speed, keep_alive=keep_alive, context=context) as load:
            thinks = "thinking" in model.capabilities and prompt.think not in {False, "none"}
            reply = self.script.reply(prompt, thinks=thinks)
            yield Answer(prompt, reply, speed, load_seconds=load, context=context)

    async def embedded(
        self, model: Model, texts: Sequence[str], *, dimensions: int | None = None, keep_alive: float | None = None
    ) -> tuple[list[list[float]], int]:
        """The vectors of some texts, and how many tokens they have together.

        Raises:
            Refusal: 501 when the model makes none.
        """
        speed = model.speed or self.speed
        async with self.scheduler.turn(model, speed, keep_alive=keep_alive):
            if "embedding" not in model.capabilities:
                raise Refusal(501, "This server does not support embeddings. Start it with `--embeddings`")
            vectors = [embedding(text, model.embedding_length, dimensions) for text in texts]
            return vectors, sum(token_count(text) + 2 for text in texts)


def require(model: Model, capability: Capability) -> None:
    """Refuse what the model cannot do (400)."""
    if capability not in model.capabilities:
        raise Refusal(400, f"{model.name.full} does not support {capability}")


def require_voice(model: Model, requested: str, what: str) -> None:
    """Refuse to let a model speak that cannot (400)."""
    if "completion" not in model.capabilities:
        raise Refusal(400, f'"{requested}" does not support {what}')


def require_thinking(model: Model, requested: str, think: Any) -> None:
    """Refuse thinking where it was asked for and the model cannot (400)."""
    if think and think != "none" and "thinking" not in model.capabilities:
        raise Refusal(400, f'"{requested}" does not support thinking')


def checked_think(think: Any) -> bool | str | None:
    """The ``think`` of a request (400 for what it may not be)."""
    if think is None or isinstance(think, bool):
        return think
    if not isinstance(think, str):
        raise Refusal(400, "think must be a boolean or string", stage="request")
    if think in _THINK_LEVELS:
        return think
    levels = ", ".join(f'"{level}"' for level in _THINK_LEVELS)
    raise Refusal(400, f'invalid think value: "{think}" (must be {levels}, true, or false)', stage="request")


def checked_effort(effort: Any) -> bool | str | None:
    """The ``think`` that a reasoning effort of OpenAI's routes comes to (400 for an unknown one)."""
    if not effort or effort == "none":
        return False if effort else None
    if isinstance(effort, str) and effort in _THINK_LEVELS:
        return effort
    levels = ", ".join(f'"{level}"' for level in _THINK_LEVELS)
    raise Refusal(400, f"invalid reasoning value: '{effort}' (must be {levels}, or \"none\")", stage="request")


def checked_logprobs(body: Json) -> int | None:
    """How many alternatives to report for each token, ``None`` for no log-probabilities (400 beyond 20)."""
    top = body.get("top_logprobs", 0)
    if not 0 <= top <= _MOST_LOGPROBS:
        raise Refusal(400, f"top_logprobs must be between 0 and {_MOST_LOGPROBS}", stage="request")
    return top if body.get("logprobs") else None


def check_format(wanted: Any) -> None:
    """Refuse a ``format`` that is neither ``"json"`` nor a schema; the server calls that its own failure (500)."""
    if not wanted or wanted == "json" or is_object(wanted):
        return
    quoted = json.dumps(json.dumps(wanted))
    message = f'invalid format: {quoted}; expected "json" or a valid JSON Schema object'
    raise Refusal(500, message, stage="answer")


def _context_length(prompt: Prompt, model: Model) -> int:
    wanted: int = prompt.options.get("num_ctx", 0)
    return wanted if wanted > 0 else model.context_length


def check_length(prompt: Prompt, model: Model, *, truncate: bool) -> None:
    """Refuse a prompt that is too long when it may not be shortened (400)."""
    context = _context_length(prompt, model)
    if truncate or prompt.tokens <= context:
        return
    words = f"request ({prompt.tokens} tokens) exceeds the available context size ({context} tokens), try increasing it"
    error: Json = {"code": 400, "message": words, "type": "exceed_context_size_error"}
    error |= {"n_prompt_tokens": prompt.tokens, "n_ctx": context}
    raise Refusal(400, compact({"error": error}), stage="answer")


class _Second:
    """The current second, formatted once."""

    number = -1
    text = ""


def timestamp() -> str:
    """Now, as Go writes it: UTC with nanoseconds."""
    second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    if second != _Second.number:
        _Second.text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _Second.number = second
    return f"{_Second.text}.{nanoseconds:09d}Z"
