"""Defines the measured work for each client; a client's package is imported only when it is made.

Every client that streams has ``open`` and ``async_open``: context managers of the iterator of a stream's items. Only tests call
``close``; a measurement leaves that to the end of its process.
"""

from __future__ import annotations

import contextlib

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
TEXTS = ["a short text"] * 256

# What an agent sends: a conversation and its tools.
HISTORY = [
    {
        "role": ("user", "assistant")[number % 2],
        "content": f"{number}: " + "The sky is blue because of scattering. " * 8,
    }
    for number in range(49)
] + MESSAGES
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"get_weather_{number}",
            "description": "Get the weather of a city at a time of the day.",
            "parameters": {
                "type": "object",
                "required": ["city"],
                "properties": {
                    "city": {"type": "string", "description": "The name of the city."},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "The unit."},
                    "hour": {"type": "integer", "description": "The hour of the day, 0 to 23."},
                },
            },
        },
    }
    for number in range(10)
]


def make(name: str, url: str):
    """Return the client of a column."""
    return CLIENTS[name](url)


def _body(dumps, messages, model="llama3.2", stream=False, **fields):
    return dumps({"model": model, "messages": messages, "stream": stream, **fields})


class _Lines:
    """Splits pieces of an NDJSON stream into items; an incomplete line is kept for the next piece."""

    def __init__(self, loads):
        self._loads = loads
        self._rest = b""

    def items(self, piece):
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        return [self._loads(line) for line in lines]


class Floor:
    """Bare httpx and orjson: the same bytes decoded to dicts, without types or checks.

    Streams are read in the cheapest way that httpx offers: raw bytes (nothing is compressed) are split at newlines, and an
    incomplete line is kept for the next read. ``iter_lines`` would decode every item to text and search it for eleven kinds of
    line ends.
    """

    def __init__(self, url):
        import httpx
        import orjson

        self._orjson = orjson
        self._client = httpx.Client(base_url=url, timeout=None, limits=httpx.Limits(max_connections=None))
        self._async_client = lambda: httpx.AsyncClient(
            base_url=url, timeout=None, limits=httpx.Limits(max_connections=None)
        )

    def _post(self, path, body):
        headers = {"content-type": "application/json"}
        response = self._client.post(path, content=self._orjson.dumps(body), headers=headers)
        response.raise_for_status()
        return self._orjson.loads(response.content)

    def chat(self):
        return self._post("/api/chat", {"model": "llama3.2", "messages": MESSAGES, "stream": False})

    def agent_chat(self):
        return self._post("/api/chat", {"model": "llama3.2", "messages": HISTORY, "stream": False, "tools": TOOLS})

    def embed(self):
        return self._post("/api/embed", {"model": "all-minilm", "input": TEXTS})

    def embed_array(self):
        import numpy as np

        return np.asarray(self.embed()["embeddings"], dtype="float32")

    v1_embed_array = embed  # compared with JSON, without an array

    def list_models(self):
        return self._orjson.loads(self._client.get("/api/tags").content)

    @contextlib.contextmanager
    def open(self, model):
        body = _body(self._orjson.dumps, MESSAGES, model, True)
        with self._client.stream("POST", "/api/chat", content=body) as response:
            yield self._items(response)

    def _items(self, response):
        items = _Lines(self._orjson.loads).items
        for piece in response.iter_raw():
            yield from items(piece)

    def ndjson(self, model):
        loads, rest = self._orjson.loads, b""
        with self._client.stream(
            "POST", "/api/chat", content=_body(self._orjson.dumps, MESSAGES, model, True)
        ) as response:
            for piece in response.iter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    loads(line)

    def sse(self, model):
        loads, rest = self._orjson.loads, b""
        with self._client.stream(
            "POST", "/v1/chat/completions", content=_body(self._orjson.dumps, MESSAGES, model, True)
        ) as response:
            for piece in response.iter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if line.startswith(b"data: ") and line != b"data: [DONE]":
                        loads(line[6:])

    async def async_chat(self, client):
        headers = {"content-type": "application/json"}
        response = await client.post("/api/chat", content=_body(self._orjson.dumps, MESSAGES), headers=headers)
        response.raise_for_status()
        return self._orjson.loads(response.content)

    @contextlib.asynccontextmanager
    async def async_open(self, client, model):
        body = _body(self._orjson.dumps, MESSAGES, model, True)
        async with client.stream("POST", "/api/chat", content=body) as response:
            yield self._async_items(response)

    async def _async_items(self, response):
        items = _Lines(self._orjson.loads).items
        async for piece in response.aiter_raw():
            for item in items(piece):
                yield item

    async def async_ndjson(self, client, model):
        loads, rest = self._orjson.loads, b""
        async with client.stream(
            "POST", "/api/chat", content=_body(self._orjson.dumps, MESSAGES, model, True)
        ) as response:
            async for piece in response.aiter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    loads(line)

    def async_client(self):
        return self._async_client()

    def close(self):
        self._client.close()

    def text(self, item):
        return item["message"]["content"]


class Aiohttp:
    """aiohttp and orjson, to dicts: a transport made for asyncio alone."""

    def __init__(self, url):
        import aiohttp
        import orjson

        self._aiohttp = aiohttp
        self._orjson = orjson
        self._url = f"{url}/api/chat"

    async def async_chat(self, client):
        headers = {"content-type": "application/json"}
        async with client.post(self._url, data=_body(self._orjson.dumps, MESSAGES), headers=headers) as response:
            response.raise_for_status()
            return self._orjson.loads(await response.read())

    @contextlib.asynccontextmanager
    async def async_open(self, client, model):
        async with client.post(self._url, data=_body(self._orjson.dumps, MESSAGES, model, True)) as response:
            yield self._items(response)

    async def _items(self, response):
        items = _Lines(self._orjson.loads).items
        async for piece in response.content.iter_any():
            for item in items(piece):
                yield item

    async def async_ndjson(self, client, model):
        items = _Lines(self._orjson.loads).items
        async with client.post(self._url, data=_body(self._orjson.dumps, MESSAGES, model, True)) as response:
            async for piece in response.content.iter_any():
                items(piece)

    @contextlib.asynccontextmanager
    async def async_client(self):
        connector = self._aiohttp.TCPConnector(limit=0)
        timeout = self._aiohttp.ClientTimeout(total=None)
        async with self._aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield session

    def close(self):
        """Do nothing: there is no sync client."""

    def text(self, item):
        return item["message"]["content"]


class Raw:
    """Sockets and orjson alone: about the least that Python can do.

    It knows this server: every chunk holds whole lines, so that the lines that begin with a brace are the items, and a reply
    in one piece has its length in the head.
    """

    def __init__(self, url):
        import orjson

        self._orjson = orjson
        host, port = url.removeprefix("http://").split(":")
        self._address = host, int(port)
        self._idle = []

    def _request(self, model="llama3.2", stream=False, path="/api/chat"):
        body = _body(self._orjson.dumps, MESSAGES, model, stream)
        return b"POST %b HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n%b" % (path.encode(), len(body), body)

    def _connect(self):
        import socket

        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def chat(self):
        connection = self._idle.pop() if self._idle else self._connect()
        connection.sendall(self._request())
        received = connection.recv(65536)
        while not _is_whole(received):
            received += connection.recv(65536)
        self._idle.append(connection)
        return self._orjson.loads(received[received.index(b"\r\n\r\n") :])

    @contextlib.contextmanager
    def open(self, model):
        connection = self._idle.pop() if self._idle else self._connect()
        connection.sendall(self._request(model, True))
        received = self._items(connection)
        yield received
        received.close()

    def _items(self, connection):
        loads, rest, receive = self._orjson.loads, b"", connection.recv
        is_over = False
        try:
            while not is_over:
                data = receive(65536)
                is_over = not data or data.endswith(_END)
                lines = (rest + data).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if line[:1] == b"{":
                        yield loads(line)
        finally:
            if is_over:
                self._idle.append(connection)
            else:
                connection.close()

    def ndjson(self, model):
        with self.open(model) as items:
            for _ in items:
                pass

    def sse(self, model):
        loads, rest = self._orjson.loads, b""
        connection = self._idle.pop() if self._idle else self._connect()
        connection.sendall(self._request(model, True, "/v1/chat/completions"))
        data = b""
        while not data.endswith(_END):
            data = connection.recv(65536)
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                if line.startswith(b"data: {"):
                    loads(line[6:])
        self._idle.append(connection)

    @contextlib.asynccontextmanager
    async def async_client(self):
        pool = _RawPool(self._address)
        yield pool
        for connection in pool.idle:
            connection.transport.abort()

    async def async_chat(self, client):
        connection = await client.take()
        connection.transport.write(self._request())
        received = await connection.read()
        while not _is_whole(received):
            received += await connection.read()
        client.idle.append(connection)
        return self._orjson.loads(received[received.index(b"\r\n\r\n") :])

    @contextlib.asynccontextmanager
    async def async_open(self, client, model):
        connection = await client.take()
        connection.transport.write(self._request(model, True))
        items = self._async_items(client, connection)
        yield items
        await items.aclose()

    async def _async_items(self, client, connection):
        loads, rest = self._orjson.loads, b""
        is_over = False
        try:
            while not is_over:
                data = await connection.read()
                is_over = not data or data.endswith(_END)
                lines = (rest + data).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if line[:1] == b"{":
                        yield loads(line)
        finally:
            if is_over:
                client.idle.append(connection)
            else:
                connection.transport.abort()

    async def async_ndjson(self, client, model):
        async with self.async_open(client, model) as items:
            async for _ in items:
                pass

    def close(self):
        for connection in self._idle:
            connection.close()

    def text(self, item):
        return item["message"]["content"]


_END = b"\r\n0\r\n\r\n"


def _is_whole(received):
    head, separator, body = received.partition(b"\r\n\r\n")
    return separator and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])


class _RawPool:
    def __init__(self, address):
        self.idle = []
        self._address = address

    async def take(self):
        import asyncio

        if self.idle:
            return self.idle.pop()
        loop = asyncio.get_running_loop()
        connection = _raw_protocol()(loop)
        await loop.create_connection(lambda: connection, *self._address)
        return connection


def _raw_protocol():
    """Return the class of a connection, which needs asyncio to be imported."""
    import asyncio

    class Connection(asyncio.Protocol):
        def __init__(self, loop):
            self._create_future = loop.create_future
            self._received = []
            self._waiter = None

        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            waiter, self._waiter = self._waiter, None
            if waiter is None:
                self._received.append(data)
            else:
                waiter.set_result(data)

        async def read(self):
            if self._received:
                data = b"".join(self._received)
                self._received.clear()
                return data
            self._waiter = self._create_future()
            return await self._waiter

    globals()["_raw_protocol"] = lambda: Connection
    return Connection


class Published:
    """The published ``ollama`` package."""

    def __init__(self, url):
        import ollama

        self._package = ollama
        self._url = url
        self._client = ollama.Client(url)

    def chat(self):
        return self._client.chat("llama3.2", MESSAGES)

    def agent_chat(self):
        return self._client.chat("llama3.2", HISTORY, tools=TOOLS)

    def embed(self):
        return self._client.embed("all-minilm", TEXTS)

    def list_models(self):
        return self._client.list()

    def open(self, model):
        return contextlib.closing(self._client.chat(model, MESSAGES, stream=True))

    def ndjson(self, model):
        for _ in self._client.chat(model, MESSAGES, stream=True):
            pass

    async def async_chat(self, client):
        return await client.chat("llama3.2", MESSAGES)

    @contextlib.asynccontextmanager
    async def async_open(self, client, model):
        async with contextlib.aclosing(await client.chat(model, MESSAGES, stream=True)) as items:
            yield items

    async def async_ndjson(self, client, model):
        async for _ in await client.chat(model, MESSAGES, stream=True):
            pass

    def async_client(self):
        return self._package.AsyncClient(self._url)

    def close(self):
        self._client.close()

    def text(self, item):
        return item.message.content


class OpenAI:
    """The published ``openai`` package."""

    def __init__(self, url):
        import openai

        self._client = openai.OpenAI(base_url=f"{url}/v1", api_key="unused")

    def chat(self):
        """Do nothing: the server does not answer it, and start-up compares the constructor."""

    def sse(self, model):
        for _ in self._client.chat.completions.create(model=model, messages=MESSAGES, stream=True):
            pass


class Ours:
    """This package with its defaults."""

    def __init__(self, url):
        from ollama_sdk import Ollama

        self.url = url
        self.client = Ollama(url, **self.options())

    def options(self):
        return {}

    def chat(self):
        return self.client.chat("llama3.2", MESSAGES)

    def agent_chat(self):
        return self.client.chat("llama3.2", HISTORY, tools=TOOLS)

    def embed(self):
        return self.client.embed("all-minilm", TEXTS)

    def embed_array(self):
        return self.embed().array()

    def v1_embed_array(self):
        return self.client.v1.embeddings.create("all-minilm", TEXTS, encoding_format="array").array()

    def list_models(self):
        return self.client.list_models()

    def open(self, model):
        return self.client.chat(model, MESSAGES, stream=True)

    def ndjson(self, model):
        with self.client.chat(model, MESSAGES, stream=True) as stream:
            for _ in stream:
                pass

    def sse(self, model):
        with self.client.v1.chat.completions.create(model, MESSAGES, stream=True) as stream:
            for _ in stream:
                pass

    async def async_chat(self, client):
        return await client.chat("llama3.2", MESSAGES)

    @contextlib.asynccontextmanager
    async def async_open(self, client, model):
        async with await client.chat(model, MESSAGES, stream=True) as stream:
            yield stream

    async def async_ndjson(self, client, model):
        async with await client.chat(model, MESSAGES, stream=True) as stream:
            async for _ in stream:
                pass

    def async_client(self):
        from ollama_sdk import AsyncOllama

        return AsyncOllama(self.url, **self.options())

    def close(self):
        self.client.close()

    def text(self, item):
        return item.message.content


class Guarded(Ours):
    """This package with every policy."""

    def options(self):
        from ollama_sdk.reliability import Cache, CircuitBreaker, Failover, RateLimit, Retry

        return {
            "retry": Retry(),
            "circuit_breaker": CircuitBreaker(),
            "rate_limit": RateLimit(per_second=1e6, concurrent=1000),
            "failover": Failover(),
            "cache": Cache(),
            "observer": _ignore,
        }


def _ignore(_):
    pass


class Traced(Ours):
    """This package with spans and metrics of OpenTelemetry, which are exported to nowhere."""

    def options(self):
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from ollama_sdk.reliability.otel import OpenTelemetryObserver

        tracers = TracerProvider()
        tracers.add_span_processor(BatchSpanProcessor(_Nowhere()))
        meters = MeterProvider([InMemoryMetricReader()])
        return {"observer": OpenTelemetryObserver(tracers.get_tracer("bench"), meters.get_meter("bench"))}


class _Nowhere:
    """An exporter of spans."""

    def export(self, _):
        from opentelemetry.sdk.trace.export import SpanExportResult

        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass


CLIENTS = {
    "limit": Raw,
    "floor": Floor,
    "aiohttp": Aiohttp,
    "ollama": Published,
    "openai": OpenAI,
    "ours": Ours,
    "policies": Guarded,
    "traced": Traced,
}
