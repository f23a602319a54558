"""Defines the command line of ``python -m ollama_sdk.testing``: its options and its help."""

from __future__ import annotations

import argparse
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, get_args

from ollama_sdk.testing._setup.control import CONTROL_ROUTES
from ollama_sdk.testing._setup.shorthand import FAULT_KINDS
from ollama_sdk.testing.models import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["emulator_parser", "recording_parser", "replaying_parser", "script_of"]

_PROGRAM = "python -m ollama_sdk.testing"
_DEFAULT_MODELS = ("llama3.2:tools", "qwen3:tools,thinking", "llava:vision", "all-minilm:embedding")
_PORT = 11434
_CAPABILITIES: tuple[Capability, ...] = get_args(Capability)

_HELP = """
models:
  NAME, NAME:TAG or NAME[:TAG]:CAPABILITY,CAPABILITY of {capabilities};
  without capabilities a model completes and calls tools. This command begins with {defaults};
  in Python, Emulator() and the fixtures of pytest begin with none.

replies:
  Without a scripted reply a model answers with JSON if the request has a format, a call of each offered tool, else a sentence.
  --reply is the answer of every model; several are used one after the other, and the last one for all further requests.
  --tool-call is used for requests that offer the tool and do not end with a tool's result; give NAME, or
  NAME='{{"city": "Oslo"}}' with arguments; several are called at once.

faults:
  KIND[=VALUE][@PATH][*TIMES]; in PATH * and ? match any characters. KIND is a status such as 503, or one of
  {faults}.
  503@/api/chat*2     answer the next two chats with 503
  stall=3@/v1/*       stop after three items of every stream under /v1, until the client disconnects
  delay=0.5           wait half a second before each answer
  reset=in headers    reset the connection in the middle of the headers

script (YAML or JSON; every part may be left out):
  models: [llama3.2:tools, {{name: qwen3, capabilities: [thinking], context_length: 8192}}]
  replies:                                # those with times first, oldest first; then the last that matches
    - Hello                               # the answer to everything
    - {{text: It rains., when: weather, to: llama3.2, times: 1, thinking: Let me see.}}
    - {{pieces: [a, b], pattern: "colou?r", finished: false}}
    - {{tool_calls: [{{name: get_weather, arguments: {{city: Oslo}}}}, get_time], calls_on_last_item: true}}
  faults: ["503@/api/chat*2", {{kind: status, code: 429, retry_after: 1, model: qwen3, skip: 1, share: 0.5}}]
  speed: 50                               # or {{time_to_first_token: 0.2, tokens_per_second: 50, load: 1}}
  An error names the file and the line.

control routes (with --control; only for clients on this machine):
{control}

recordings:
  {program} record --upstream URL --to FOLDER     forward requests to a real server, and record
  {program} replay FOLDER                         answer with the recordings

examples:
  {program} --model llama3.2:tools,vision --reply Hello --tool-call get_weather
  {program} --fault '503@/api/chat*2' --speed 50 --version 0.40.12
  {program} --script emulator.yaml --control --port 0
"""


def emulator_parser() -> argparse.ArgumentParser:
    """Return the parser of all options except those of ``record`` and ``replay``."""
    whole = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Runs an emulated Ollama server and logs one line for each request.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_HELP.format(
            capabilities=", ".join(_CAPABILITIES),
            defaults=", ".join(model.partition(":")[0] for model in _DEFAULT_MODELS),
            faults=", ".join(name.replace("_", "-") for name in FAULT_KINDS),
            control=indent("\n".join(f"{route:<26} {what}" for route, what in CONTROL_ROUTES.items()), "  "),
            program=_PROGRAM,
        ),
    )
    _add_address(whole, _PORT)
    whole.add_argument(
        "--version",
        default=None,
        metavar="VERSION",
        help="the release to emulate, such as 0.33.0; the newest by default",
    )
    whole.add_argument("--model", action="append", default=[], help="a further model; see below")
    whole.add_argument("--reply", action="append", default=[], metavar="TEXT", help="the answer of models; see below")
    whole.add_argument(
        "--tool-call", action="append", default=[], metavar="NAME[=JSON]", help="a tool that models call; see below"
    )
    whole.add_argument("--fault", action="append", default=[], help="a fault to inject; see below")
    whole.add_argument("--speed", type=float, metavar="RATE", help="items per second; no limit by default")
    whole.add_argument("--first-token", type=float, default=0.0, metavar="SECONDS", help="time before the first item")
    whole.add_argument("--script", metavar="FILE", help="a file with models, replies, faults and speed; see below")
    whole.add_argument("--control", action="store_true", help="serve the control routes; see below")
    return whole


def recording_parser() -> argparse.ArgumentParser:
    """Return the parser of ``record``."""
    whole = argparse.ArgumentParser(
        prog=f"{_PROGRAM} record",
        description=dedent("""\
            Forwards requests to a real server, and writes each exchange to a file: the request, the reply, and every
            chunk of its body with its time. Keys, cookies and passwords are not written. Logs one line for each
            request."""),
    )
    whole.add_argument("--upstream", required=True, metavar="URL", help="the real server, as OLLAMA_HOST names it")
    whole.add_argument(
        "--to", required=True, metavar="FOLDER", help="the folder of recordings; it is created if it is missing"
    )
    _add_address(whole, 0)
    return whole


def replaying_parser() -> argparse.ArgumentParser:
    """Return the parser of ``replay``."""
    whole = argparse.ArgumentParser(
        prog=f"{_PROGRAM} replay",
        description=dedent("""\
            Answers requests with the recordings of a folder, byte for byte. A request matches by method, path, query and
            body, where JSON may be in any order. A request without a recording gets a 501 with the differences from the
            most similar one. Logs one line for each request."""),
    )
    whole.add_argument("folder", metavar="FOLDER", help="a folder that record has written")
    whole.add_argument(
        "--timing", action="store_true", help="replay the pauses of the recording; otherwise send at once"
    )
    whole.add_argument("--once", action="store_true", help="use each recording once; otherwise the last one again")
    _add_address(whole, 0)
    return whole


def script_of(options: argparse.Namespace) -> Mapping[str, Any]:
    """Convert the options to a script."""
    replies: list[Any] = [{"text": text, "times": 1} for text in options.reply[:-1]]
    calls: list[Any] = [{"tool_calls": options.tool_call}] if options.tool_call else []
    return {
        "models": [*_DEFAULT_MODELS, *options.model],
        "replies": [*replies, *options.reply[-1:], *calls],
        "faults": options.fault,
    }


def _add_address(whole: argparse.ArgumentParser, port: int) -> None:
    whole.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    whole.add_argument("--port", type=int, default=port, help=f"the port ({port}); 0 for any free one")
