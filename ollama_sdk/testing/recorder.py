"""Records the exchanges of any client with a real server, and replays them: two servers on loopback ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk._host import parse_host
from ollama_sdk.testing._fault_rules import Faults
from ollama_sdk.testing._recording.forwarding import Forwarding
from ollama_sdk.testing._recording.matching import Recordings
from ollama_sdk.testing._recording.replaying import Replaying
from ollama_sdk.testing._server.request_handling import RequestHandler
from ollama_sdk.testing._server.running import Running
from ollama_sdk.testing._server.server import Server
from ollama_sdk.testing.recording import RecordingFolder, read_recordings
from ollama_sdk.testing.requests import Requests

if TYPE_CHECKING:
    from pathlib import Path

    from ollama_sdk.testing.recording import RecordedExchange

__all__ = ["Recorder", "Replay"]


class Recorder(Running):
    """A server that forwards requests to a real server and writes each exchange to a folder.

    Keys, cookies and passwords are not written. Clients get replies as they arrive; if a client disconnects, its request to the
    real server ends. It runs in its own thread; use it as a context manager, sync or async.

    Args:
        upstream: The real server, in any form that ``OLLAMA_HOST`` may have; it may have a path.
        to: The folder, which is created if it is missing; new recordings are added to the existing ones.
        host: The address to listen on.
        port: The port; 0 for any free one.

    Attributes:
        folder: The folder.
        requests: The requests so far.
        failures: The reasons why requests could not be recorded, one text for each.

    Raises:
        ConfigurationError: The address of the real server is invalid, or holds credentials.

    Example:
        >>> import httpx, tempfile
        >>> from ollama_sdk.testing import Emulator, Recorder, Replay
        >>> with Emulator() as real, tempfile.TemporaryDirectory() as folder:
        ...     with Recorder(real.url, folder) as recorder:
        ...         recorded = httpx.get(f"{recorder.url}/api/version").content
        ...     with Replay(folder) as replay:
        ...         httpx.get(f"{replay.url}/api/version").content == recorded
        True
    """

    def __init__(self, upstream: str, to: Path | str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        url = parse_host(upstream)
        self.folder: RecordingFolder = RecordingFolder(to)
        self.requests: Requests = Requests()
        self.failures: list[str] = []
        forwarding = Forwarding(url, self.folder, self.failures.append)
        handler = RequestHandler(forwarding, self.requests, lambda _: None)
        self._server = Server(handler, lambda: False, host=host, port=port)


class Replay(Running):
    """A server that answers with the recordings of a folder, byte for byte.

    A request matches by method, path, query and canonical body (JSON in any order of names); secrets are ignored. Equal requests
    get their replies in the order of the recording. A request without a recording gets a 501 with the differences from the most
    similar one. It runs in its own thread; use it as a context manager, sync or async.

    Args:
        folder: The folder.
        timing: Whether chunks are sent with the pauses of the recording; otherwise at once.
        repeat: Whether the last reply to equal requests answers all further ones; otherwise those get a 501.
        host: The address to listen on.
        port: The port; 0 for any free one.

    Attributes:
        faults: The faults to inject.
        requests: The requests so far.
        failures: The reasons why requests had no reply, one text for each.

    Raises:
        FileNotFoundError: There is no such folder.
        ValueError: A file is not a recording.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        timing: bool = False,
        repeat: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.faults: Faults = Faults()
        self.requests: Requests = Requests()
        self.failures: list[str] = []
        self._recordings = Recordings(read_recordings(folder), repeat=repeat)
        handler = RequestHandler(
            Replaying(self._recordings, self.failures.append, timing=timing), self.requests, self.faults.for_request
        )
        self._server = Server(handler, self.faults.refuses_connection, host=host, port=port)

    @property
    def unused(self) -> list[RecordedExchange]:
        """The recordings that no request has used."""
        return self._recordings.unused()
