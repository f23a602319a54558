"""langchain-ollama: a chat model with tools and structured output, and embeddings."""

from __future__ import annotations

import sys

from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings

url = sys.argv[1]
model = ChatOllama(model="llama3.2", base_url=url)


@tool
def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"11 degrees in {city}"


with_tools = model.bind_tools([get_weather])
messages = [HumanMessage(TOOL_QUESTION)]
called = with_tools.invoke(messages)
call = called.tool_calls[0]
messages += [called, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
report(
    text=model.invoke(QUESTION).content,
    pieces=[chunk.content for chunk in model.stream(QUESTION)],
    call=[call["name"], call["args"]],
    after_call=with_tools.invoke(messages).content,
    structured=model.with_structured_output(Person).invoke("Who?").model_dump(),
    vectors=OllamaEmbeddings(model="all-minilm", base_url=url).embed_documents(TEXTS),
)
