"""python with_map_rows.py embed|label SOURCE TARGET HOST...: embeds or labels the column "text" of Parquet files, in this process alone."""

import itertools
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Chat, Embed, map_rows

LABEL = {"type": "object", "properties": {"label": {"type": "string"}, "number": {"type": "integer"}}}

work, source, target, *hosts = sys.argv[1:]
client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
steps = {
    "embed": Embed("all-minilm", client=client, column="text", per_request=64, in_flight=8),
    "label": Chat("llama3.2", client=client, messages="Label this: {text}", format=LABEL, in_flight=8),
}
columns = {"embed": {"embedding": pa.list_(pa.float32())}, "label": {"label": pa.string(), "number": pa.int64()}}
error = pa.struct({"type": pa.string(), "message": pa.string(), "status": pa.int64()})
schema = pa.schema({"id": pa.int64(), "text": pa.string(), **columns[work], "error": error})
files = sorted(Path(source).glob("*.parquet"))
made = map_rows((row for file in files for row in pq.read_table(file).to_pylist()), steps[work])
Path(target).mkdir()
with pq.ParquetWriter(f"{target}/made.parquet", schema) as writer:
    while part := list(itertools.islice(made, 2048)):
        writer.write_table(pa.Table.from_pylist(part, schema))
