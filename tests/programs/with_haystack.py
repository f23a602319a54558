"""haystack: the chat generator and the embedders of ollama-haystack."""

from __future__ import annotations

import sys

from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report
from haystack.dataclasses import ChatMessage, Document
from haystack.tools import create_tool_from_function
from haystack_integrations.components.embedders.ollama import OllamaDocumentEmbedder
from haystack_integrations.components.generators.ollama import OllamaChatGenerator

url = sys.argv[1]


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"11 degrees in {city}"


def generator(**more):
    return OllamaChatGenerator(model="llama3.2", url=url, **more)


pieces = []
generator(streaming_callback=lambda chunk: pieces.append(chunk.content)).run([ChatMessage.from_user(QUESTION)])
with_tools = generator(tools=[create_tool_from_function(get_weather)])
messages = [ChatMessage.from_user(TOOL_QUESTION)]
called = with_tools.run(messages)["replies"][0]
call = called.tool_call
messages += [called, ChatMessage.from_tool(get_weather(**call.arguments), origin=call)]
structured = (
    generator(response_format=Person.model_json_schema()).run([ChatMessage.from_user("Who?")])["replies"][0].text
)
embedder = OllamaDocumentEmbedder(model="all-minilm", url=url, progress_bar=False)
report(
    text=generator().run([ChatMessage.from_user(QUESTION)])["replies"][0].text,
    pieces=pieces,
    call=[call.tool_name, call.arguments],
    after_call=with_tools.run(messages)["replies"][0].text,
    structured=Person.model_validate_json(structured).model_dump(),
    vectors=[document.embedding for document in embedder.run([Document(content=text) for text in TEXTS])["documents"]],
)
