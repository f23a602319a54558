"""python with_spark.py embed|label SOURCE TARGET HOST...: embeds or labels the column "text" of Parquet files, on Spark."""

import sys

from pyspark.sql import SparkSession

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
spark = SparkSession.builder.master("local[2,4]").getOrCreate()  # 4: a task may fail 3 times
rows = spark.read.parquet(source).repartition(8)
made = rows.mapInPandas(step.partitions, schema=step.schema(rows))
made.write.mode("overwrite").parquet(target)
