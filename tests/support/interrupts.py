"""Ctrl-C, or what else a signal handler raises, at a chosen moment of a call.

The interpreter runs signal handlers only after certain instructions, and the exception belongs to the instruction before. A tracer
can raise before the next instruction alone. So a moment is left out where different handlers cover the two, as behind the last call
in a ``with``: there, a lock would seem to stay held that a real Ctrl-C releases.
"""

from __future__ import annotations

import dis
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Self

import ollama_sdk

_MOMENTS = {"CALL", "CALL_KW", "CALL_FUNCTION_EX", "JUMP_BACKWARD", "RESUME"}
_PACKAGE = str(Path(ollama_sdk.__file__).parent)


class _Code:
    """What is to be known of the instructions of a function."""

    def __init__(self, code: CodeType) -> None:
        self._bytes = code.co_code
        self._ranges = dis._parse_exception_table(code)  # type: ignore[attr-defined]

    def may_interrupt(self, former: int, now: int) -> bool:
        """Whether a signal handler may run between two instructions, given by their offsets."""
        return dis.opname[self._bytes[former]] in _MOMENTS and self._handler(former) == self._handler(now)

    def _handler(self, offset: int) -> int | None:
        return next((entry.target for entry in self._ranges if entry.start <= offset < entry.end), None)


class Interrupts:
    """Raises an exception once, at one of the moments at which a signal handler could, in code of this package.

    Args:
        at: The number of the moment; 0 only counts them.
        error: The class of the exception.
    """

    def __init__(self, at: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.at = at
        self._error = error
        self.moments = 0
        self._former: dict[FrameType, int | None] = {}  # the offset of the former instruction
        self._codes: dict[CodeType, _Code] = {}
        self._hook = self._trace  # the interpreter keeps no reference of its own while it calls it

    def __enter__(self) -> Self:
        # Python 3.12 traces instructions only if a frame wants that by the time that tracing begins.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(self._hook)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        self._former.clear()

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event == "call":
            if not code.co_filename.startswith(_PACKAGE):
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            self._former[frame] = frame.f_lasti
        elif event == "opcode":
            former, now = self._former.get(frame), frame.f_lasti
            self._former[frame] = now
            if code not in self._codes:
                self._codes[code] = _Code(code)
            if former is not None and self._codes[code].may_interrupt(former, now):
                self.moments += 1
                if self.moments == self.at:
                    self._former.clear()
                    raise self._error
        elif event == "exception":
            self._former[frame] = None  # an instruction that raises runs no signal handler
        elif event == "return":
            self._former.pop(frame, None)
        return self._hook
