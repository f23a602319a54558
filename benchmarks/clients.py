"""Defines the measured work for each client; a client's package is imported only when it is made."""

from __future__ import annotations

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
TEXTS = ["a short text"] * 256
STREAMS = 300


def make(name: str, url: str):
    """Return the client of a column."""
    return CLIENTS[name](url)


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
        self._client = httpx.Client(base_url=url, timeout=None)
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

    def embed(self):
        return self._post("/api/embed", {"model": "all-minilm", "input": TEXTS})

    def list_models(self):
        return self._orjson.loads(self._client.get("/api/tags").content)

    def _question(self, model):
        return self._orjson.dumps({"model": model, "messages": MESSAGES, "stream": True})

    def ndjson(self, model):
        loads, rest = self._orjson.loads, b""
        with self._client.stream("POST", "/api/chat", content=self._question(model)) as response:
            for piece in response.iter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    loads(line)

    def sse(self, model):
        loads, rest = self._orjson.loads, b""
        with self._client.stream("POST", "/v1/chat/completions", content=self._question(model)) as response:
            for piece in response.iter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    if line.startswith(b"data: ") and line != b"data: [DONE]":
                        loads(line[6:])

    async def async_ndjson(self, client, model):
        loads, rest = self._orjson.loads, b""
        async with client.stream("POST", "/api/chat", content=self._question(model)) as response:
            async for piece in response.aiter_raw():
                lines = (rest + piece).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    loads(line)

    def async_client(self):
        return self._async_client()


class Published:
    """The published ``ollama`` package."""

    def __init__(self, url):
        import ollama

        self._package = ollama
        self._url = url
        self._client = ollama.Client(url)

    def chat(self):
        return self._client.chat("llama3.2", MESSAGES)

    def embed(self):
        return self._client.embed("all-minilm", TEXTS)

    def list_models(self):
        return self._client.list()

    def ndjson(self, model):
        for _ in self._client.chat(model, MESSAGES, stream=True):
            pass

    async def async_ndjson(self, client, model):
        async for _ in await client.chat(model, MESSAGES, stream=True):
            pass

    def async_client(self):
        import contextlib

        return contextlib.nullcontext(self._package.AsyncClient(self._url))


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

    def async_options(self):
        return {}

    def chat(self):
        return self.client.chat("llama3.2", MESSAGES)

    def embed(self):
        return self.client.embed("all-minilm", TEXTS)

    def list_models(self):
        return self.client.list_models()

    def ndjson(self, model):
        with self.client.chat(model, MESSAGES, stream=True) as stream:
            for _ in stream:
                pass

    def sse(self, model):
        with self.client.v1.chat.completions.create(model, MESSAGES, stream=True) as stream:
            for _ in stream:
                pass

    async def async_ndjson(self, client, model):
        async with await client.chat(model, MESSAGES, stream=True) as stream:
            async for _ in stream:
                pass

    def async_client(self):
        from ollama_sdk import AsyncOllama

        return AsyncOllama(self.url, **self.async_options())


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

    async_options = options


def _ignore(_):
    pass


CLIENTS = {"floor": Floor, "ollama": Published, "openai": OpenAI, "ours": Ours, "policies": Guarded}
