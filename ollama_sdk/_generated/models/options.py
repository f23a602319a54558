# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Options: How the model runs and samples tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class Options(Model):
    """How the model runs and samples tokens. Options that the server does not know are ignored.

    Attributes:
        num_ctx: Size of the context window, in tokens.
        num_batch: Prompt tokens that are processed at a time (batch size).
        num_gpu: Layers of the model on a GPU; -1 lets the server choose.
        main_gpu: Index of the GPU for the parts that are not split across GPUs.
        use_mmap: Whether the file of the model is mapped into memory.
        num_thread: CPU threads; 0 lets the server choose.
        draft_num_predict: Tokens that a draft model proposes at a time. Since Ollama 0.30.0.
        num_keep: Tokens at the start of the prompt to keep when the context is shifted.
        seed: The same seed and request give the same text; -1 is random.
        num_predict: Maximum number of tokens to generate; negative is unlimited.
        top_k: Sample from this many of the most likely tokens.
        top_p: Sample from the most likely tokens that together have this probability.
        min_p: Drop tokens less likely than this fraction of the most likely one.
        typical_p: Prefer tokens about as surprising as expected (typical sampling); 1 is off. Removed in Ollama
            0.34.1. Refused from 0.34.1 on, ignored again from 0.35.0 on.
        repeat_last_n: Tokens to look back for repetition; 0 is off, -1 is num_ctx.
        temperature: Sampling temperature; 0 always takes the most likely token, higher is more varied.
        repeat_penalty: Penalty for repeated tokens; 1 is off.
        presence_penalty: Penalty for tokens that have occurred.
        frequency_penalty: Penalty for tokens, times how often they have occurred.
        stop: Texts that end the answer, without being part of it.
    """

    num_ctx: int | None = None
    num_batch: int | None = None
    num_gpu: int | None = None
    main_gpu: int | None = None
    use_mmap: bool | None = None
    num_thread: int | None = None
    draft_num_predict: int | None = None
    num_keep: int | None = None
    seed: int | None = None
    num_predict: int | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repeat_last_n: int | None = None
    temperature: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    stop: list[str] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
