"""Shows the progress of long calls: one bar per layer of a model in terminals and notebooks, regular lines in logs."""

from __future__ import annotations

import io
import os
import sys
import time
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sized
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Generic, Protocol, Self, TextIO, TypeVar, overload

from ._display import in_notebook, readable_bytes
from .errors import ConfigurationError

__all__ = ["AsyncTracked", "Tracked", "track", "track_file"]

T = TypeVar("T")

_LOG_INTERVAL = 10.0  # seconds between two lines of one layer in a log


@overload
def track(
    items: AsyncIterable[T], *, file: TextIO | None = None, log_interval: float = _LOG_INTERVAL
) -> AsyncTracked[T]: ...
@overload
def track(items: Iterable[T], *, file: TextIO | None = None, log_interval: float = _LOG_INTERVAL) -> Tracked[T]: ...
def track(
    items: Iterable[T] | AsyncIterable[T], *, file: TextIO | None = None, log_interval: float = _LOG_INTERVAL
) -> Tracked[T] | AsyncTracked[T]:
    """Yield the items of a stream, and show its progress.

    ``track(client.pull("llama3.2", stream=True))`` draws one bar per layer: bytes, bytes per second, time left. ``push`` and
    ``create`` look the same; their other steps are one line of text each. For any other iterable it counts the items.

    In a terminal and in a notebook, tqdm draws bars, which needs the extra ``[progress]``. Elsewhere, as in a log, it writes plain
    lines, which needs no extra.

    Args:
        items: A stream, or any iterable or async iterable.
        file: The output; by default standard error.
        log_interval: The fewest seconds between two lines of one layer in a log.

    Returns:
        An iterator of the same items; async if ``items`` is. Leaving its ``with`` block, or dropping it, ends the bars, but does
        not close the stream.

    Raises:
        ConfigurationError: ``items`` is not iterable; or the output needs bars, and tqdm is not installed.
    """
    _check_items(items)
    bars = _Bars(_painter(file, log_interval), len(items) if isinstance(items, Sized) else None)
    return AsyncTracked(items, bars) if isinstance(items, AsyncIterable) else Tracked(items, bars)


def _check_items(items: object) -> None:
    if not isinstance(items, (Iterable, AsyncIterable)):
        given = type(items).__name__
        use = "await it first" if given == "coroutine" else "give a stream: call the method with stream=True"
        raise ConfigurationError(f"items is of type {given}; {use}")


def track_file(
    content: os.PathLike[str] | IO[bytes], *, file: TextIO | None = None, log_interval: float = _LOG_INTERVAL
) -> io.BufferedReader:
    """Wrap a binary file to show how much of it was read: ``client.upload_blob(content=track_file(Path("model.gguf")))``.

    If the call computes the digest, the file is read twice, so there are two bars.

    Args:
        content: A path, or a seekable file opened in binary mode, which is read from its current position.
        file: As for :func:`track`.
        log_interval: As for :func:`track`.

    Raises:
        ConfigurationError: It is no file, cannot be opened or is not seekable; or the output needs bars, and tqdm is not installed.
    """
    is_binary = hasattr(content, "tell") and not isinstance(content, io.TextIOBase)
    if not isinstance(content, os.PathLike) and not is_binary:
        given = type(content).__name__
        raise ConfigurationError(f"content is of type {given}; give a pathlib.Path or a file opened in binary mode")
    painter = _painter(file, log_interval)
    if not isinstance(content, os.PathLike):
        return io.BufferedReader(_TrackedFile(content, painter, owned=False))
    try:
        return io.BufferedReader(_TrackedFile(Path(content).open("rb"), painter, owned=True))
    except OSError as exc:
        raise ConfigurationError(f"content: cannot open {os.fspath(content)!r}: {exc.strerror}") from exc


class _Drawn:
    """The base of tracked iterators, whose bars end with them."""

    _bars: _Bars

    def close(self) -> None:
        """End the bars, without closing the stream."""
        self._bars.close()

    def __del__(self) -> None:
        if hasattr(self, "_bars"):
            self._bars.close()


class Tracked(_Drawn, Generic[T]):
    """The items of an iterable, with their progress; made by :func:`track`."""

    def __init__(self, items: Iterable[T], bars: _Bars) -> None:
        self._items, self._bars = iter(items), bars

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            item = next(self._items)
        except BaseException:
            self._bars.close()
            raise
        self._bars.show(item)
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncTracked(_Drawn, Generic[T]):
    """The items of an async iterable, with their progress; made by :func:`track`."""

    def __init__(self, items: AsyncIterable[T], bars: _Bars) -> None:
        self._items, self._bars = aiter(items), bars

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            item = await anext(self._items)
        except BaseException:
            self._bars.close()
            raise
        self._bars.show(item)
        return item

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _TrackedFile(io.RawIOBase):
    def __init__(self, content: IO[bytes], painter: _Painter, *, owned: bool) -> None:
        self._content, self._painter, self._owned = content, painter, owned
        self._bar: _Bar | None = None
        self.name = str(getattr(content, "name", "content"))
        try:
            self._begin = content.tell()
            self._end = content.seek(0, io.SEEK_END)
            content.seek(self._begin)
        except OSError as exc:
            raise ConfigurationError("content is a file that is not seekable; give a pathlib.Path") from exc

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        """The position in the file, in bytes."""
        return self._content.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to another position, in bytes, and end the bar; the next read starts another one."""
        self._end_bar()
        return self._content.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        """Read bytes into a buffer, and move the bar."""
        piece = self._content.read(len(buffer))
        buffer[: len(piece)] = piece
        if piece:
            done = self._content.tell() - self._begin
            if self._bar is None:
                label = Path(self.name).name
                self._bar = self._painter.bar(label, self._end - self._begin, done - len(piece), "B")
            self._bar.move(done)
        if self._content.tell() >= self._end:
            self._end_bar()
        return len(piece)

    def close(self) -> None:
        """End the bar, and close the file if it was given as a path."""
        if not self.closed:
            self._end_bar()
            if self._owned:
                self._content.close()
        super().close()

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Bar(Protocol):
    def move(self, done: int) -> None:
        """Show the new amount."""

    def close(self) -> None:
        """Show the last amount, and end the bar."""


class _Painter(Protocol):
    def bar(self, label: str, total: int | None, done: int, unit: str) -> _Bar:
        """Start a bar."""
        ...

    def line(self, text: str) -> None:
        """Write a line of text."""


class _Bars:
    """The bars of one stream: one per digest, ended when all of its bytes are there."""

    def __init__(self, painter: _Painter, total: int | None) -> None:
        self._painter = painter
        self._total = total
        self._counted = 0
        self._open: dict[str, _Bar] = {}
        self._whole: set[str] = set()
        self._status = ""

    def show(self, item: object) -> None:
        status, digest = getattr(item, "status", None), getattr(item, "digest", None)
        total, done = getattr(item, "total", None), getattr(item, "completed", None)
        if isinstance(digest, str) and isinstance(total, int):
            self._show_layer(digest, status if isinstance(status, str) else digest, total, done)
        elif isinstance(status, str):
            if status != self._status:
                self._painter.line(status)
            self._status = status
        else:
            self._counted += 1
            bar = self._open.get("")
            if bar is None:
                bar = self._open[""] = self._painter.bar("", self._total, 0, "items")
            bar.move(self._counted)

    def _show_layer(self, digest: str, label: str, total: int, done: int | None) -> None:
        bar = self._open.get(digest)
        if done is None or (done >= total and digest in self._whole):
            return  # before the first count, or after the last
        if bar is None:  # the bytes of an earlier download do not count for the rate
            bar = self._open[digest] = self._painter.bar(label, total, done, "B")
        bar.move(done)
        if done >= total:
            self._whole.add(digest)
            self._open.pop(digest).close()

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()


def _painter(file: TextIO | None, log_interval: float) -> _Painter:
    """The painter for an output: bars in terminals and notebooks, else lines."""
    output = sys.stderr if file is None else file
    notebook = file is None and in_notebook()
    if not notebook and not output.isatty():
        return _LinePainter(output, log_interval)
    try:
        with warnings.catch_warnings():  # tqdm warns if ipywidgets is missing, but then draws text
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError as exc:
        raise ConfigurationError("bars are drawn by tqdm: pip install 'ollama-sdk[progress]'") from exc
    return _TqdmPainter(tqdm, sys.stdout if notebook else output)


class _TqdmPainter:
    def __init__(self, tqdm: Any, output: TextIO) -> None:
        self._tqdm, self._output = tqdm, output

    def bar(self, label: str, total: int | None, done: int, unit: str) -> _Bar:
        scaled = unit == "B"
        return _TqdmBar(
            self._tqdm(
                desc=label or None,
                total=total,
                initial=done,
                unit=unit if scaled else f" {unit}",
                unit_scale=scaled,
                dynamic_ncols=True,
                file=self._output,
            )
        )

    def line(self, text: str) -> None:
        self._tqdm.write(text, file=self._output)


class _TqdmBar:
    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def move(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _LinePainter:
    def __init__(self, output: TextIO, interval: float) -> None:
        self._output, self.interval = output, interval

    def bar(self, label: str, total: int | None, done: int, unit: str) -> _Bar:
        return _LineBar(self, label, total, done, unit)

    def line(self, text: str) -> None:
        self._output.write(f"{text}\n")
        self._output.flush()


class _LineBar:
    def __init__(self, painter: _LinePainter, label: str, total: int | None, done: int, unit: str) -> None:
        self._painter, self._label, self._total, self._unit = painter, label, total, unit
        self._first = self._done = done
        self._written: int | None = None
        self._began = time.monotonic()
        self._due = self._began + painter.interval

    def move(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        if now >= self._due:
            self._due = now + self._painter.interval
            self._write(now)

    def close(self) -> None:
        if self._written != self._done:
            self._write(time.monotonic())

    def _write(self, now: float) -> None:
        self._written = self._done
        of = f" of {self._amount(self._total)} ({self._done / self._total:.0%})" if self._total else ""
        parts = [f"{self._amount(self._done)}{of}"]
        rate = (self._done - self._first) / (now - self._began) if now > self._began else 0
        if rate:
            parts.append(f"{self._amount(rate)}/s")
        if rate and self._total and self._done < self._total:
            seconds = round((self._total - self._done) / rate)
            parts.append(f"{seconds // 60}:{seconds % 60:02} left")
        label = f"{self._label}: " if self._label else ""
        self._painter.line(f"{label}{', '.join(parts)}")

    def _amount(self, number: float | None) -> str:
        amount = float(number or 0)
        return readable_bytes(amount) if self._unit == "B" else f"{amount:.4g} {self._unit}"
