"""Embeds, chats and generates over many rows: steps that Ray, Dask, Spark and others take as they are.

A step is plain configuration and a callable: a batch in, the same batch with new columns out. The engine distributes, retries lost
workers, and resumes; a step never loses a row: what fails for good becomes an error in its row. ::

    step = Embed("all-minilm", client={"host": "http://gpu-1:11434"}, column="text", output="embedding")

    dataset.map_batches(step)                                    # Ray Data
    frame.map_partitions(step, meta=step.meta(frame))            # Dask
    spark_frame.mapInPandas(step.partitions, schema=step.schema(spark_frame))    # Spark
    dataset.map(step, batched=True)                              # Hugging Face datasets
    for row in map_rows(rows, step): ...                         # this process alone
"""

from ._rows import map_rows
from ._steps import Chat, Embed, Generate, Step

__all__ = ["Chat", "Embed", "Generate", "Step", "map_rows"]
