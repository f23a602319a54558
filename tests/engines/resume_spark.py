"""python resume_spark.py SOURCE TARGET HOST...: embeds Parquet files on Spark; started again, goes on where it stopped."""

import shutil
import sys
from pathlib import Path

from pyspark.sql import SparkSession, functions

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Embed

SLICES = 8  # a slice is what a restart loses at most

source, target, *hosts = sys.argv[1:]
client = {"host": hosts, "failover": Failover("least_busy"), "retry": Retry(attempts=12, budget=None)}
step = Embed("all-minilm", client=client)
spark = SparkSession.builder.master("local[2,4]").getOrCreate()
rows = spark.read.parquet(source)
# Tasks that ended before their job was killed: their rows are done again, so the next job must not publish these.
shutil.rmtree(Path(target) / "_temporary", ignore_errors=True)
if any(Path(target).glob("*.parquet")):
    rows = rows.join(spark.read.parquet(target).select("id"), "id", "left_anti")
rows = rows.localCheckpoint()  # what is written below does not change which rows are left
for number in range(SLICES):
    part = rows.where(functions.pmod(functions.hash("id"), functions.lit(SLICES)) == number).repartition(2)
    part.mapInArrow(step.partitions, schema=step.schema(rows)).write.mode("append").parquet(target)
