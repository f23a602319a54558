"""Runs the emulator from the command line: ``python -m ollama_sdk.testing``; logs one line for each request."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ollama_sdk.testing.emulator import Emulator
from ollama_sdk.testing.script import Speed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ollama_sdk.testing.models import Capability
    from ollama_sdk.testing.requests import RecordedRequest

_POLL_INTERVAL = 0.2  # seconds
_MODELS: dict[str, list[Capability]] = {
    "llama3.2": ["completion", "tools"],
    "qwen3": ["completion", "tools", "thinking"],
    "llava": ["completion", "vision"],
    "all-minilm": ["embedding"],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        speed = Speed(time_to_first_token=options.first_token, tokens_per_second=options.tokens_per_second)
    except ValueError as error:
        parser.error(str(error))
    server = Emulator(host=options.host, port=options.port, speed=speed)
    try:
        server.start()
    except (OSError, OverflowError) as error:
        where = f"http://{options.host}:{options.port}"
        sys.exit(
            f"Cannot listen at {where}: {error}. Another Ollama may be running there; --port 0 takes any free port."
        )
    for name, capabilities in _MODELS.items():
        server.models.add(name, capabilities=capabilities)
    for name in options.model:
        server.models.add(name, capabilities=["completion", "tools"])
    _print(f"{server.url} serves {', '.join(model.name.short for model in server.models)}")
    try:
        _log(server)
    except KeyboardInterrupt:
        _print("stopped")
    finally:
        server.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ollama_sdk.testing",
        description="Runs an emulated Ollama server and logs one line for each request.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=11434, help="the port; 0 for any free one")
    parser.add_argument("--model", action="append", default=[], help="a further model; may be given several times")
    parser.add_argument("--first-token", type=float, default=0.0, metavar="SECONDS", help="time before the first item")
    parser.add_argument(
        "--tokens-per-second", type=float, metavar="RATE", help="items per second after it; no limit by default"
    )
    return parser


def _log(server: Emulator) -> None:
    seen = 0
    open_requests: list[RecordedRequest] = []
    while True:
        server.requests.wait(seen + 1, timeout=_POLL_INTERVAL)
        arrived = server.requests[seen:]
        seen += len(arrived)
        open_requests += arrived
        for request in [request for request in open_requests if request.wait(timeout=0)]:
            _print(_line(request))
            open_requests.remove(request)


def _line(request: RecordedRequest) -> str:
    ended = request.hung_up_at if request.finished_at is None else request.finished_at
    seconds = (ended or request.started_at) - request.started_at
    outcome = "the client hung up" if request.hung_up else str(request.status)
    model = f" {request.model}" if request.model else ""
    return f"{request.method} {request.path}{model}: {outcome}, {request.items} items, {seconds * 1000:.1f} ms"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
