"""python with_datasets.py embed|label SOURCE TARGET HOST...: embeds or labels the column "text" of Parquet files, with Hugging Face datasets."""

import sys
from pathlib import Path

from datasets import load_dataset

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
rows = load_dataset("parquet", data_files=f"{source}/*.parquet", split="train")
# In the form of Arrow: its types come from the step, not from the values of the first batch.
made = rows.with_format("arrow").map(step, batched=True, batch_size=2048, num_proc=4)
Path(target).mkdir()
made.to_parquet(f"{target}/made.parquet")
