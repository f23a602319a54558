# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Options: How the model runs and chooses its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class Options(Model):
    """How the model runs and chooses its words. An option that the server does not know is ignored.

    Attributes:
        num_ctx: Size of the context window, in tokens.
        num_batch: Prompt tokens that are evaluated at a time.
        num_gpu: Layers of the model that run on a GPU; -1 lets the server choose.
        main_gpu: Number of the GPU that holds what is not split.
        use_mmap: Whether the file of the model is mapped into memory.
        num_thread: Threads of the CPU; 0 lets the server choose.
        draft_num_predict: Tokens that a draft model proposes at a time.
        num_keep: Tokens at the start of the prompt that survive a context shift.
        seed: The same seed and request give the same text; -1 is random.
        num_predict: Most tokens to write; below zero is without limit.
        top_k: Choose among this many likeliest tokens.
        top_p: Choose among the likeliest tokens that together have this probability.
        min_p: Drop tokens less likely than this share of the likeliest.
        typical_p: Prefer tokens about as surprising as expected; 1 is off.
        repeat_last_n: Tokens to look back for repetition; 0 is off, -1 is num_ctx.
        temperature: 0 always takes the likeliest token; higher is more varied.
        repeat_penalty: How strongly a repeated token is made unlikely; 1 is off.
        presence_penalty: A token is made this much less likely once it occurred.
        frequency_penalty: A token is made this much less likely each time it occurred.
        stop: Texts at which the answer ends; not part of it.
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
