"""python resume_datasets.py SOURCE TARGET HOST...: embeds Parquet files with Hugging Face datasets; started again, goes on where it stopped."""

import sys
from pathlib import Path

from datasets import load_dataset

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Embed

SHARDS = 16  # a shard is written whole or not at all, and is what a restart loses at most

source, target, *hosts = sys.argv[1:]
client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
step = Embed("all-minilm", client=client)
rows = load_dataset("parquet", data_files=f"{source}/*.parquet", split="train").with_format("arrow")
Path(target).mkdir(exist_ok=True)
for number in range(SHARDS):
    done = Path(target) / f"{number}.parquet"
    if not done.exists():
        part = done.with_suffix(".part")
        rows.shard(SHARDS, number).map(step, batched=True, batch_size=512).to_parquet(part)
        part.rename(done)
