"""pydantic-ai: agents over the OpenAI-compatible routes, which run their tools themselves."""

from __future__ import annotations

import asyncio
import sys

from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report
from pydantic_ai import Agent, Embedder
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.ollama import OllamaProvider

provider = OllamaProvider(base_url=f"{sys.argv[1]}/v1")
model = OpenAIChatModel("llama3.2", provider=provider)
calls = []


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    calls.append(["get_weather", {"city": city}])
    return f"11 degrees in {city}"


async def main() -> None:
    plain = Agent(model)
    async with plain.run_stream(QUESTION) as stream:
        pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
    embedder = Embedder(OpenAIEmbeddingModel("all-minilm", provider=provider))
    report(
        text=(await plain.run(QUESTION)).output,
        pieces=pieces,
        after_call=(await Agent(model, tools=[get_weather]).run(TOOL_QUESTION)).output,
        call=calls[0],
        structured=(await Agent(model, output_type=Person).run("Who?")).output.model_dump(),
        vectors=[list(vector) for vector in (await embedder.embed_documents(TEXTS)).embeddings],
    )


asyncio.run(main())
