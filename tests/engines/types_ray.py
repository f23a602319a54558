"""python types_ray.py SOURCE TARGET HOST...: embeds Parquet files on Ray Data with each format of batches; all blocks must be of one type."""

import sys

import ray

from ollama_sdk import Failover
from ollama_sdk.batch import Embed

source, target, *hosts = sys.argv[1:]
step = Embed("all-minilm", client={"host": hosts, "failover": Failover("least_busy")})
ray.init(num_cpus=4)
for kind in ("numpy", "pandas", "pyarrow"):
    rows = ray.data.read_parquet(source, override_num_blocks=16)
    made = rows.map_batches(step, batch_format=kind, batch_size=None).materialize()
    blocks = [ray.get(block) for bundle in made.iter_internal_ref_bundles() for block in bundle.block_refs]
    assert len(blocks) == 16
    # Of a NumPy batch Ray makes tensors, and takes the type of its errors from their values.
    columns = ["embedding"] if kind == "numpy" else ["embedding", "error"]
    [types] = {tuple(block.schema.field(name).type for name in columns) for block in blocks}
    assert ("Tensor" if kind == "numpy" else "list") in str(types[0])
    [_] = made.iter_batches(batch_size=made.count(), batch_format="pyarrow")  # blocks are put together
    made.write_parquet(f"{target}/{kind}")
