"""python resume_ray.py SOURCE TARGET HOST...: embeds Parquet files on Ray Data; started again, goes on where it stopped."""

import sys

import ray
from ray.data.checkpoint import CheckpointConfig

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Embed

source, target, *hosts = sys.argv[1:]
client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
step = Embed("all-minilm", client=client)
ray.init(num_cpus=4)  # on a cluster: ray.init("auto"), and a path below that all of its machines reach
# Ray writes the ids of each file beside it, and leaves out the rows whose ids it finds. It removes what was half written.
ray.data.DataContext.get_current().checkpoint_config = CheckpointConfig(
    id_column="id", checkpoint_path=f"{target}.ids", delete_checkpoint_on_success=False
)
# A block is a task and becomes a file; it is what a restart loses at most.
rows = ray.data.read_parquet(source).repartition(target_num_rows_per_block=256)
rows.map_batches(step, batch_format="pyarrow", batch_size=None).write_parquet(target)
