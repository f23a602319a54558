"""openai-agents: agents over chat completions, and over responses; embeddings by the client that they use."""

from __future__ import annotations

import asyncio
import sys

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

set_tracing_disabled(disabled=True)
calls = []


@function_tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    calls.append(["get_weather", {"city": city}])
    return f"11 degrees in {city}"


async def run(model, client):
    streamed = Runner.run_streamed(Agent(name="a", model=model), QUESTION)
    pieces = [
        event.data.delta
        async for event in streamed.stream_events()
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent)
    ]
    with_tools = Agent(name="a", model=model, tools=[get_weather], model_settings=ModelSettings(temperature=0))
    embedded = await client.embeddings.create(model="all-minilm", input=TEXTS)
    return {
        "text": (await Runner.run(Agent(name="a", model=model), QUESTION)).final_output,
        "pieces": pieces,
        "after_call": (await Runner.run(with_tools, TOOL_QUESTION)).final_output,
        "call": calls.pop(),
        "structured": (
            await Runner.run(Agent(name="a", model=model, output_type=Person), "Who?")
        ).final_output.model_dump(),
        "vectors": [item.embedding for item in embedded.data],
    }


async def main() -> None:
    client = AsyncOpenAI(base_url=f"{sys.argv[1]}/v1", api_key="ollama", max_retries=0)
    kind = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}[sys.argv[2]]
    report(**await run(kind("llama3.2", openai_client=client), client))


asyncio.run(main())
