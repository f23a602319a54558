"""Lets the model call functions: ``python examples/tool_use.py [QUESTION]``.

The annotations and the docstring of a function are all that the model knows of it. A call that does not fit is answered with an error,
so that the model can correct itself.
"""

from __future__ import annotations

import sys
from typing import Literal

from ollama_sdk import Ollama
from ollama_sdk.tools import Toolbox
from ollama_sdk.types import Message

MODEL = "llama3.2"
MOST_ROUNDS = 5
WEATHER = {"Oslo": 4.0, "Rome": 17.0}  # a real program asks a weather service


def get_temperature(city: Literal["Oslo", "Rome"]) -> float:
    """The temperature in a city now, in degrees Celsius.

    Args:
        city: Name of the city.
    """
    return WEATHER[city]


def convert(degrees: float, unit: Literal["fahrenheit", "kelvin"]) -> float:
    """Convert a temperature.

    Args:
        degrees: The temperature in degrees Celsius.
        unit: The unit to convert to.
    """
    return degrees * 9 / 5 + 32 if unit == "fahrenheit" else degrees + 273.15


def main(question: str = "How warm is it in Oslo, in Fahrenheit?") -> None:
    """Ask, and run the tools that the model calls, until it answers."""
    toolbox = Toolbox([get_temperature, convert], errors="answer")
    messages = [Message(role="user", content=question)]
    with Ollama() as client:
        for _ in range(MOST_ROUNDS):
            reply = client.chat(MODEL, messages, tools=toolbox)
            messages.append(reply.message)
            if not reply.message.tool_calls:
                print(reply.message.content)
                return
            for call in reply.message.tool_calls:
                result = toolbox.call(call)
                print(f"{call.function.name}({call.function.arguments}) -> {result.content}")
                messages.append(result)
    raise SystemExit(f"no answer after {MOST_ROUNDS} rounds")


if __name__ == "__main__":
    main(*sys.argv[1:])
