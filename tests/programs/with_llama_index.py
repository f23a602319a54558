"""llama-index: its Ollama language model and its Ollama embeddings."""

from __future__ import annotations

import sys

from contract import QUESTION, TEXTS, TOOL_QUESTION, Person, report
from llama_index.core.llms import ChatMessage, MessageRole
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.ollama import OllamaEmbedding
from llama_index.llms.ollama import Ollama

url = sys.argv[1]
model = Ollama(model="llama3.2", base_url=url, request_timeout=60, context_window=4096)


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"11 degrees in {city}"


tool = FunctionTool.from_defaults(get_weather)
asked = model.chat_with_tools([tool], user_msg=TOOL_QUESTION)
call = model.get_tool_calls_from_response(asked)[0]
result = ChatMessage(
    role=MessageRole.TOOL, content=get_weather(**call.tool_kwargs), additional_kwargs={"tool_call_id": call.tool_id}
)
history = [ChatMessage(role=MessageRole.USER, content=TOOL_QUESTION), asked.message, result]
message = [ChatMessage(role=MessageRole.USER, content=QUESTION)]
report(
    text=model.chat(message).message.content,
    pieces=[part.delta or "" for part in model.stream_chat(message)],
    call=[call.tool_name, call.tool_kwargs],
    after_call=model.chat(history).message.content,
    structured=model.as_structured_llm(Person).complete("Who?").raw.model_dump(),
    vectors=OllamaEmbedding(model_name="all-minilm", base_url=url).get_text_embedding_batch(TEXTS),
)
