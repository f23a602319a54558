"""Methods of replies, as mixins of the generated models; a schema names its class by ``x-mixin``."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar, overload

from .errors import ConfigurationError, DecodeError, ParseError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._metrics import Metrics

    T_co = TypeVar("T_co", covariant=True)

    class Validator(Protocol[T_co]):
        """An object that validates JSON text, such as Pydantic's ``TypeAdapter``."""

        def validate_json(self, data: str, /) -> T_co:
            """Parse and validate JSON text."""
            ...


__all__ = [
    "ChatReply",
    "CompletionReply",
    "EmbedReply",
    "EmbeddingsReply",
    "GenerateReply",
    "GenerationMetrics",
    "MessagesReply",
    "ResponseReply",
    "V1EmbedReply",
]

T = TypeVar("T")

_EXCERPT = 200  # characters of a text that an error shows
_NANOSECONDS = 1e9


# The text of an answer


class _Answer:
    """Adds ``parse`` to a reply."""

    __slots__ = ()

    def _answer(self) -> tuple[str, bool]:
        """The text, and whether it was cut at a limit of its tokens."""
        raise NotImplementedError

    @overload
    def parse(self, kind: type[T], /) -> T: ...
    @overload
    def parse(self, kind: Validator[T], /) -> T: ...
    @overload
    def parse(self, kind: Any, /) -> Any: ...
    def parse(self, kind: Any, /) -> Any:
        """Validate the text of a reply, which is JSON, as the type that was given as ``format``; needs the extra ``[pydantic]``.

        Args:
            kind: Any type that Pydantic describes: a model, a dataclass, a TypedDict, ``list[Colour]``, ``Literal``, a TypeAdapter.

        Returns:
            The value.

        Raises:
            ParseError: The text is not such a value; ``.text`` is the whole text, ``.where`` the path that does not fit.
            ConfigurationError: Pydantic is not installed, or cannot describe ``kind``.
        """
        text, is_cut = self._answer()
        adapter = kind if hasattr(kind, "validate_json") else adapter_of(kind, "parse()")
        try:
            return adapter.validate_json(text)
        except ValueError as exc:
            raise _parse_error(text, kind, exc, is_cut=is_cut) from exc


def _parse_error(text: str, kind: Any, exc: Exception, *, is_cut: bool) -> ParseError:
    name = getattr(kind, "__name__", None) or str(kind)
    errors: Any = getattr(exc, "errors", list[Any])()
    first: dict[str, Any] = errors[0] if errors else {"loc": (), "msg": str(exc)}
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    place = f" at {where}" if where else ""
    hint = "; the answer was cut at its token limit (num_predict, max_tokens, max_output_tokens)" if is_cut else ""
    message = f"the text is not a {name}{place}: {first['msg']}{hint}; it begins {text[:_EXCERPT]!r}"
    return ParseError(message, text=text, where=where)


def adapter_of(kind: Any, where: str) -> Any:
    """Pydantic's adapter of a type.

    Args:
        kind: The type.
        where: The argument or method that needs it, for the error.

    Raises:
        ConfigurationError: Pydantic is not installed, or cannot describe the type.
    """
    try:
        try:
            return _adapter(kind)
        except TypeError:  # a type that cannot be hashed, such as Annotated[int, []]
            return _adapter.__wrapped__(kind)
    except ConfigurationError as exc:
        raise ConfigurationError(f"{where}: {exc}") from exc.__cause__


@lru_cache(maxsize=256)
def _adapter(kind: Any) -> Any:
    try:
        import pydantic
    except ImportError as exc:
        raise ConfigurationError("needs Pydantic: pip install 'ollama-sdk[pydantic]'") from exc
    try:
        return pydantic.TypeAdapter(kind)
    except pydantic.PydanticSchemaGenerationError as exc:
        raise ConfigurationError(
            f"Pydantic cannot describe {kind!r}: {exc.message.partition('. ')[0]}; give a Pydantic model, a dataclass or a "
            "TypedDict"
        ) from exc
    except pydantic.PydanticUserError as exc:
        raise ConfigurationError(f"Pydantic cannot describe {kind!r}: {exc.message.partition(chr(10))[0]}") from exc


# Counters


class GenerationMetrics:
    """Adds ``metrics`` to a reply that holds the server's counters."""

    __slots__ = ()

    total_duration: int | None
    load_duration: int | None
    prompt_eval_count: int | None
    prompt_eval_cached_count: int | None
    prompt_eval_duration: int | None
    eval_count: int | None
    eval_duration: int | None

    @property
    def metrics(self) -> Metrics:
        """The server's counters, which are in nanoseconds, as seconds and tokens per second."""
        from ._metrics import Metrics

        prompt, cached = self.prompt_eval_count, self.prompt_eval_cached_count
        evaluated = None if prompt is None or cached is None else prompt - cached
        return Metrics(
            total_seconds=_seconds(self.total_duration),
            load_seconds=_seconds(self.load_duration),
            prompt_tokens=prompt,
            cached_prompt_tokens=cached,
            prompt_seconds=_seconds(self.prompt_eval_duration),
            prompt_tokens_per_second=_rate(evaluated, self.prompt_eval_duration),
            tokens=self.eval_count,
            seconds=_seconds(self.eval_duration),
            tokens_per_second=_rate(self.eval_count, self.eval_duration),
        )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _rate(count: int | None, nanoseconds: int | None) -> float | None:
    return count * _NANOSECONDS / nanoseconds if count is not None and nanoseconds else None


class _Generated(_Answer, GenerationMetrics):
    """Adds ``truncated`` to a reply that holds the server's counters."""

    __slots__ = ()

    def context_used(self) -> int | None:
        """The context that the call used: the tokens of prompt and answer; ``None`` if they are not known."""
        prompt, answer = self.prompt_eval_count, self.eval_count
        return None if prompt is None else prompt + (answer or 0)

    def truncated(self, *, num_ctx: int) -> bool | None:
        """Whether the server truncated the prompt or the conversation to fit the context, by the counters of the reply.

        The server truncates a prompt that is too long for the context without an error. The truncated prompt fills the context,
        so that the counters reach ``num_ctx``; they also do if the beginning was dropped during the answer. With
        ``truncate=False`` the server refuses such a call instead.

        Args:
            num_ctx: The length of the context in tokens, as sent in ``options`` or as ``list_running()`` returns it.

        Returns:
            ``True`` if it was truncated, ``False`` if not, ``None`` if the counters do not show it: on an item of a stream before
            the last one, which has no counters, and for a conversation (``chat``) that did not fill the context. There the server
            drops whole messages, the oldest first, and the others may be short.
        """
        used = self.context_used()
        if used is None or self.prompt_eval_count is None:
            return None
        if self.prompt_eval_count >= num_ctx or used > num_ctx:
            return True
        return None if self._drops_messages else False

    @property
    def _drops_messages(self) -> bool:
        return False


class GenerateReply(_Generated):
    """Adds ``metrics``, ``truncated`` and ``parse`` to the reply of ``generate``."""

    __slots__ = ()
    response: str
    done_reason: Any

    def _answer(self) -> tuple[str, bool]:
        return self.response, self.done_reason == "length"


class ChatReply(_Generated):
    """Adds ``metrics``, ``truncated`` and ``parse`` to the reply of ``chat``."""

    __slots__ = ()
    message: Any
    done_reason: Any

    def _answer(self) -> tuple[str, bool]:
        return self.message.content, self.done_reason == "length"

    @property
    def _drops_messages(self) -> bool:
        return True


class CompletionReply(_Answer):
    """Adds ``parse`` to the reply of ``v1.chat.completions``: it reads the first choice."""

    __slots__ = ()
    choices: list[Any]

    def _answer(self) -> tuple[str, bool]:
        first = self.choices[0] if self.choices else None
        return ("", False) if first is None else (first.message.content or "", first.finish_reason == "length")


class ResponseReply(_Answer):
    """Adds ``output_text`` and ``parse`` to the reply of ``v1.responses``."""

    __slots__ = ()
    output: list[Any]
    incomplete_details: Any

    @property
    def output_text(self) -> str:
        """The text of the answer: of all its messages, without reasoning and calls; empty if there is none."""
        messages = [item for item in self.output if item.type == "message"]
        return "".join(part.text for message in messages for part in message.content if part.type == "output_text")

    def _answer(self) -> tuple[str, bool]:
        cut = self.incomplete_details
        return self.output_text, cut is not None and cut.reason == "max_output_tokens"


class MessagesReply(_Answer):
    """Adds ``output_text`` and ``parse`` to the reply of ``v1.messages``."""

    __slots__ = ()
    content: list[Any]
    stop_reason: Any

    @property
    def output_text(self) -> str:
        """The text of the answer: of all its text blocks, without thinking and calls; empty if there is none."""
        return "".join(block.text for block in self.content if block.type == "text")

    def _answer(self) -> tuple[str, bool]:
        return self.output_text, self.stop_reason == "max_tokens"


# Vectors


class _Vectors:
    """Adds ``array`` and ``buffer`` to a reply with vectors."""

    __slots__ = ()

    def _vectors(self) -> Sequence[Sequence[float]]:
        raise NotImplementedError

    def array(self) -> NDArray[np.float32]:
        """The vectors as one array, ``[n, dimensions]`` of 32-bit floats; needs the extra ``[numpy]``.

        Raises:
            ConfigurationError: NumPy is not installed.
            DecodeError: The vectors are of different lengths.
        """
        try:
            import numpy as np
        except ImportError as exc:
            raise ConfigurationError("array() needs NumPy: pip install 'ollama-sdk[numpy]'; buffer() does not") from exc
        vectors = self._vectors()
        found: NDArray[np.float32] = np.asarray(self.buffer(), dtype=np.float32)
        return found.reshape(len(vectors), _width_of(vectors))

    def buffer(self) -> memoryview[float]:
        """The vectors as one block of memory, ``[n, dimensions]`` of 32-bit floats, in the machine's order of bytes.

        NumPy, PyTorch, Arrow and sockets take it without a copy. Without vectors it is one-dimensional and empty.

        Raises:
            DecodeError: The vectors are of different lengths.
        """
        vectors = self._vectors()
        width = _width_of(vectors)
        pack = Struct(f"{width}f").pack  # reads a list in less than half the time of NumPy or of an array
        block = memoryview(bytearray().join(each if _is_packed(each) else pack(*each) for each in vectors))
        return block.cast("f", (len(vectors), width)) if width else block.cast("f")


def _is_packed(vector: Sequence[float]) -> TypeGuard[array[float]]:
    """Whether a vector is an array of 32-bit floats, as base64 decodes."""
    return isinstance(vector, array) and vector.typecode == "f"


def _width_of(vectors: Sequence[Sequence[float]]) -> int:
    """The common length of all vectors."""
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1:
        raise DecodeError(f"the vectors of the reply have different lengths: {min(widths)} to {max(widths)} numbers")
    return widths.pop() if widths else 0


class EmbedReply(_Vectors):
    """Adds ``array`` and ``buffer`` to the reply of ``embed``."""

    __slots__ = ()
    embeddings: list[list[float]]

    def _vectors(self) -> Sequence[Sequence[float]]:
        return self.embeddings


class EmbeddingsReply(_Vectors):
    """Adds ``array`` and ``buffer`` to the reply of ``embeddings``, which has one vector."""

    __slots__ = ()
    embedding: list[float]

    def _vectors(self) -> Sequence[Sequence[float]]:
        return [self.embedding]


class V1EmbedReply(_Vectors):
    """Adds ``array`` and ``buffer`` to the reply of ``v1.embeddings``."""

    __slots__ = ()
    data: list[Any]

    def _vectors(self) -> Sequence[Sequence[float]]:
        """The vectors in the order of the texts: by ``index``, if all have one."""
        ordered = [(each.index, each.embedding) for each in self.data]
        if not any(index is None for index, _ in ordered):
            ordered.sort(key=itemgetter(0))
        return [vector for _, vector in ordered]
