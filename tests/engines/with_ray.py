"""python with_ray.py embed|label SOURCE TARGET HOST...: embeds or labels the column "text" of Parquet files, on Ray Data."""

import sys

import ray

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Chat, Embed

LABEL = {"type": "object", "properties": {"label": {"type": "string"}, "number": {"type": "integer"}}}

work, source, target, *hosts = sys.argv[1:]
client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
steps = {
    "embed": Embed("all-minilm", client=client, column="text", per_request=64, in_flight=8),
    "label": Chat("llama3.2", client=client, messages="Label this: {text}", format=LABEL, in_flight=8),
}
step = steps[work]
ray.init(num_cpus=4)  # on a cluster: ray.init("auto")
# A block is a task of a worker, here of 32 requests; without this, Ray reads many small files into one.
rows = ray.data.read_parquet(source).repartition(target_num_rows_per_block=2048)
made = rows.map_batches(step, batch_format="pyarrow", batch_size=2048)
made.write_parquet(target)
