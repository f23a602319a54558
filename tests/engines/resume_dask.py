"""python resume_dask.py SOURCE TARGET HOST...: embeds Parquet files on Dask; started again, goes on where it stopped."""

import sys
from pathlib import Path

import pyarrow.parquet
from dask.distributed import Client, LocalCluster

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Embed


def embed_file(source: Path, target: Path, step: Embed) -> None:
    """Make one file of another, unless it is there; it is there only whole."""
    done = target / source.name
    if not done.exists():
        part = done.with_suffix(".part")
        pyarrow.parquet.write_table(step(pyarrow.parquet.read_table(source)), part)
        part.rename(done)


def main(source: str, target: str, *hosts: str) -> None:
    client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
    step = Embed("all-minilm", client=client)
    Path(target).mkdir(exist_ok=True)
    files = sorted(Path(source).glob("*.parquet"))
    with LocalCluster(n_workers=4, threads_per_worker=1) as cluster, Client(cluster) as dask:
        dask.gather(dask.map(embed_file, files, target=Path(target), step=step))


if __name__ == "__main__":  # workers are processes that import this file
    main(*sys.argv[1:])
