"""Streams answers to web clients: ``python examples/service.py [PORT]``, needs FastAPI and uvicorn.

Try it with ``curl -N 'http://127.0.0.1:8000/ask?question=Why'``. The answer comes as server-sent events. The call to Ollama is made
inside the stream. When the client leaves, even before the first event, the stream is cancelled and Ollama stops generating.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from ollama_sdk import AsyncOllama, OllamaError, Timeout

MODEL = "llama3.2"
LIMITS = Timeout(connect=2, first_item=120, between_items=30, total=600)  # seconds


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Keep one client for as long as the service runs."""
    async with AsyncOllama(timeout=LIMITS) as app.state.ollama:
        yield


app = FastAPI(lifespan=lifespan)


def event(name: str, value: str) -> str:
    """Return one server-sent event."""
    return f"event: {name}\ndata: {json.dumps(value)}\n\n"


@app.get("/ask")
async def ask(question: str) -> StreamingResponse:
    """Stream the answer to a question."""
    client: AsyncOllama = app.state.ollama

    async def events() -> AsyncIterator[str]:
        try:
            async with await client.chat(MODEL, [{"role": "user", "content": question}], stream=True) as stream:
                async for part in stream:
                    yield event("text", part.message.content)
        except OllamaError as error:  # the status 200 has been sent, so the error is an event
            yield event("error", str(error))
        else:
            yield event("end", "")

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
