"""Embeds, chats and generates over many rows: steps for Ray, Dask, Spark and others.

A step is plain configuration and a callable: a batch in, the same batch with new columns out. The engine distributes the batches,
repeats lost work, and resumes; the step loses no row: a row that fails finally gets an error. ::

    step = Embed("all-minilm", client={"host": "http://gpu-1:11434"}, column="text", output="embedding")

    dataset.map_batches(step, batch_format="pyarrow")                            # Ray Data
    frame.map_partitions(step, meta=step.meta(frame))                            # Dask
    frame.mapInPandas(step.partitions, schema=step.schema(frame))                # Spark
    dataset.with_format("arrow").map(step, batched=True)                         # Hugging Face datasets
    for row in map_rows(rows, step): ...                                         # this process alone
"""

from ._answers import Chat, Generate
from ._columns import Column
from ._embed import Embed
from ._rows import map_rows
from ._step import Result, Row, RowError, Step

__all__ = ["Chat", "Column", "Embed", "Generate", "Result", "Row", "RowError", "Step", "map_rows"]
