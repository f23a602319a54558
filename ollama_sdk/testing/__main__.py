"""Runs the emulator, a recorder or a replay from the command line; logs one line for each request.

``python -m ollama_sdk.testing --help`` lists the options.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ollama_sdk.testing._command_line import emulator_parser, recording_parser, replaying_parser, script_of
from ollama_sdk.testing._setup.setup import read_setup
from ollama_sdk.testing._setup.source import Source
from ollama_sdk.testing.emulator import Emulator
from ollama_sdk.testing.recorder import Recorder, Replay
from ollama_sdk.testing.script import Speed

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ollama_sdk.testing.requests import RecordedRequest

_POLL_INTERVAL = 0.2  # seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    run = {"record": _record, "replay": _replay}.get(given[0] if given else "")
    if run is None:
        _emulate(given)
    else:
        run(given[1:])


def _emulate(arguments: Sequence[str]) -> None:
    parser = emulator_parser()
    options = parser.parse_args(arguments)
    script = script_of(options)
    try:
        read_setup(Source("command line", script))
        server = Emulator(
            host=options.host,
            port=options.port,
            speed=Speed(time_to_first_token=options.first_token, tokens_per_second=options.speed),
            script=[script, *([options.script] if options.script else [])],
            control=options.control,
            **({"version": options.version} if options.version else {}),
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    names = ", ".join(model.name.short for model in server.models)
    _serve(server, options, f"serves {names} as Ollama {server.version}")


def _record(arguments: Sequence[str]) -> None:
    parser = recording_parser()
    options = parser.parse_args(arguments)
    try:
        server = Recorder(options.upstream, options.to, host=options.host, port=options.port)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _serve(server, options, f"records {options.upstream} to {server.folder.path}")


def _replay(arguments: Sequence[str]) -> None:
    parser = replaying_parser()
    options = parser.parse_args(arguments)
    try:
        server = Replay(
            options.folder, timing=options.timing, repeat=not options.once, host=options.host, port=options.port
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    _serve(server, options, f"replays {len(server.unused)} recordings of {options.folder}")


def _serve(server: Emulator | Recorder | Replay, options: Namespace, what: str) -> None:
    try:
        server.start()
    except (OSError, OverflowError) as error:
        where = f"http://{options.host}:{options.port}"
        sys.exit(
            f"Cannot listen at {where}: {error}. Another Ollama may be running there; --port 0 takes any free port."
        )
    _print(f"{server.url} {what}")
    try:
        _log(server)
    except KeyboardInterrupt:
        _print("stopped")
    finally:
        server.stop()


def _log(server: Emulator | Recorder | Replay) -> None:
    seen = 0
    failed = 0
    open_requests: list[RecordedRequest] = []
    while True:
        server.requests.wait(seen + 1, timeout=_POLL_INTERVAL)
        # A reset through the control routes removes the recorded requests.
        seen = min(seen, len(server.requests))
        arrived = server.requests[seen:]
        seen += len(arrived)
        open_requests += arrived
        if not isinstance(server, Emulator):
            for failure in server.failures[failed:]:
                _print(failure)
                failed += 1
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
