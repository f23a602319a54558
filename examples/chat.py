"""Chats in the terminal: ``python examples/chat.py [MODEL]``.

An answer is shown as it is written. Ctrl-C stops an answer, and Ollama stops generating it. Ctrl-D or an empty line ends the chat.
"""

from __future__ import annotations

import sys

from ollama_sdk import Ollama, OllamaError
from ollama_sdk.types import Message


def ask(client: Ollama, model: str, messages: list[Message]) -> Message:
    """Show the answer as it arrives, and return it whole."""
    with client.chat(model, messages, stream=True) as stream:
        for part in stream:
            print(part.message.content, end="", flush=True)
        print()
        return stream.collect().message


def question() -> str:
    """Return the next question; an empty one is the last."""
    try:
        return input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        return ""


def main(model: str = "llama3.2") -> None:
    """Ask until there is no question."""
    messages = [Message(role="system", content="Answer in one or two sentences.")]
    with Ollama() as client:
        while text := question():
            messages.append(Message(role="user", content=text))
            try:
                messages.append(ask(client, model, messages))
            except (OllamaError, KeyboardInterrupt) as error:
                messages.pop()  # what has no answer is not part of the conversation
                print(f"\n[{str(error) or 'stopped'}]")


if __name__ == "__main__":
    main(*sys.argv[1:])
