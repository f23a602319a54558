"""python with_dask.py embed|label SOURCE TARGET HOST...: embeds or labels the column "text" of Parquet files, on Dask."""

import sys

import dask.dataframe
from dask.distributed import Client, LocalCluster

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Chat, Embed

LABEL = {"type": "object", "properties": {"label": {"type": "string"}, "number": {"type": "integer"}}}


def main(work: str, source: str, target: str, *hosts: str) -> None:
    client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
    steps = {
        "embed": Embed("all-minilm", client=client, column="text", per_request=64, in_flight=8),
        "label": Chat("llama3.2", client=client, messages="Label this: {text}", format=LABEL, in_flight=8),
    }
    step = steps[work]
    # On a cluster: Client("tcp://scheduler:8786")
    with LocalCluster(n_workers=4, threads_per_worker=1) as cluster, Client(cluster):
        rows = dask.dataframe.read_parquet(source)
        made = rows.map_partitions(step, meta=step.meta(rows))
        made.to_parquet(target)


if __name__ == "__main__":  # workers are processes that import this file
    main(*sys.argv[1:])
