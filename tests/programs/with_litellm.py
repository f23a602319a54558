"""litellm: the native routes of Ollama by ``ollama_chat/`` and ``ollama/``."""

from __future__ import annotations

import json
import sys

import litellm
from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report

url = sys.argv[1]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(messages, **more):
    return litellm.completion(model="ollama_chat/llama3.2", api_base=url, messages=messages, **more)


def user(text):
    return [{"role": "user", "content": text}]


messages = user(TOOL_QUESTION)
called = ask(messages, tools=[TOOL]).choices[0].message
call = called.tool_calls[0]
messages += [
    called.model_dump(),
    {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": "11 degrees"},
]
chunks = list(ask(user(QUESTION), stream=True))
structured = ask(user("Who?"), response_format=Person).choices[0].message.content
embedded = litellm.embedding(model="ollama/all-minilm", api_base=url, input=TEXTS)
report(
    text=ask(user(QUESTION)).choices[0].message.content,
    pieces=[chunk.choices[0].delta.content or "" for chunk in chunks],
    call=[call.function.name, json.loads(call.function.arguments)],
    after_call=ask(messages, tools=[TOOL]).choices[0].message.content,
    structured=json.loads(structured),
    vectors=[item["embedding"] for item in embedded.data],
)
