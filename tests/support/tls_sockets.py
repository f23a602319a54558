"""The server's side of TLS, on which a process may fork at any moment, and which ends as the test wants."""

from __future__ import annotations

import contextlib
import os
import select
import ssl
import threading
from collections.abc import Callable
from typing import Any

# OpenSSL has locks for the whole process: a child that is forked while a thread holds one would wait for it for ever.
_at_work = threading.Lock()
os.register_at_fork(before=_at_work.acquire, after_in_parent=_at_work.release, after_in_child=_at_work.release)


class ServerSocket(ssl.SSLSocket):
    """Waits for the network outside of OpenSSL, in which it holds a lock that forks take."""

    _seconds: float | None = None

    def settimeout(self, value: float | None) -> None:
        self._seconds = value
        super().settimeout(0)

    def do_handshake(self, block: bool = False) -> None:
        self._when_ready(self._sslobj.do_handshake)  # type: ignore[attr-defined] # that of super() sets the timeout anew

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        data: bytes = self._when_ready(super().recv, buflen, flags)
        return data

    def send(self, data: Any, flags: int = 0) -> int:  # which sendall calls
        count: int = self._when_ready(super().send, data, flags)
        return count

    def say_goodbye(self) -> None:
        """Say that nothing more will be sent; the client may go on."""
        sslobj: Any = self._sslobj  # type: ignore[attr-defined] # unwrap() would end its use, too
        with contextlib.suppress(OSError, ValueError), _at_work:  # without a handshake, or the client has gone
            if sslobj is not None:  # not closed yet
                sslobj.shutdown()

    def _when_ready(self, method: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            try:
                with _at_work:
                    return method(*arguments)
            except ssl.SSLWantReadError:
                ready = select.select([self], [], [], self._seconds)
            except ssl.SSLWantWriteError:
                ready = select.select([], [self], [], self._seconds)
            if not any(ready):
                raise TimeoutError("timed out")
