"""Shows replies and streams to people: as Markdown or HTML in a notebook, as text on a terminal.

A server's text is never shown as HTML. In HTML output all of it is escaped. In Markdown output ``&`` and ``<`` are escaped
everywhere, so the text cannot open a tag in any renderer. Markdown would show these escapes inside code, so code is written as
``<pre>`` and ``<code>``. Links to scripts are disabled.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any, NamedTuple, TextIO

__all__ = ["Screen", "health_html", "html_of", "in_notebook", "markdown_of", "readable_bytes"]

_ROWS = 5  # of vectors
_NUMBERS = 6  # of one vector
_KILO = 1000
_NEVER = 2200  # Ollama gives a model that is never unloaded an expiry after this year
_REFRESH = 0.1  # seconds between two updates of a stream in a notebook
_LONG = 4000  # characters of a folded text

_FENCE = re.compile(r"( *)(`{3,}|~{3,})\s*([^`\s]*)[^`]*")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_SCRIPT = re.compile(r"\](?=[(:]\s*(?:&lt;)?\s*(?:javascript|vbscript|data)\s*\\?:)", re.IGNORECASE)
_MARKS = re.compile(r"[\\`*_{}\[\]()#+\-.!~$|:]")  # Markdown interprets these even inside <code>


# Replies, as Markdown


class _Parts(NamedTuple):
    """The displayed parts of a reply."""

    text: str | None
    thinking: str | None = None
    calls: Sequence[str] = ()
    facts: Sequence[str] = ()


def markdown_of(model: Any) -> str | None:
    """A reply as Markdown: folded thinking, text, tool calls and one line of metrics; ``None`` for any other model."""
    parts = _PARTS.get(type(model).__name__)
    return None if parts is None else _markdown(parts(model))


def _markdown(parts: _Parts) -> str:
    blocks: list[str] = []
    if parts.thinking:
        # The empty line ends the HTML block of <details>: <pre> then starts its own block, which ends only at </pre>.
        body = f'<pre style="white-space: pre-wrap">{escape(parts.thinking)}</pre>'
        blocks.append(f"<details><summary>Thinking</summary>\n\n{body}\n\n</details>")
    if parts.text:
        blocks.append(_safe_markdown(parts.text))
    blocks += [f"Calls {_code(call)}" for call in parts.calls]
    if parts.facts:
        blocks.append(f"<small>{' · '.join(_plain(fact) for fact in parts.facts)}</small>")
    return "\n\n".join(blocks) or "<small>no text</small>"


def _safe_markdown(text: str) -> str:
    """A server's Markdown, in which only the tags added here are tags."""
    blocks: list[str] = []
    prose: list[str] = []
    code: list[str] = []
    fence = indent = ""
    for line in text.split("\n"):
        match = _FENCE.fullmatch(line)
        if not fence and match:
            blocks.append(_safe_prose("\n".join(prose)))
            prose, indent, fence = [], match[1], match[2]
        elif not fence:
            prose.append(line)
        elif match and match[2].startswith(fence) and not match[3]:
            blocks.append(_pre(code, indent))
            code, fence = [], ""
        else:
            code.append(line)
    blocks.append(_pre(code, indent) if fence else _safe_prose("\n".join(prose)))
    return "\n".join(block for block in blocks if block)


def _pre(lines: list[str], indent: str) -> str:
    """A block of code with the indent of its fence, because it may belong to a list item."""
    code = (indent + escape(line.removeprefix(indent)) for line in lines)
    return f"\n{indent}<pre><code>{chr(10).join(code).removeprefix(indent)}</code></pre>\n"


def _safe_prose(text: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in _SPAN.finditer(text):
        pieces += [_without_tags(text[end : match.start()]), _code(match[2])]
        end = match.end()
    return _SCRIPT.sub(r"\\]", "".join([*pieces, _without_tags(text[end:])]))


def _without_tags(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _code(text: str) -> str:
    """Inline code."""
    return f"<code>{_plain(' '.join(text.split()))}</code>"


def _plain(text: str) -> str:
    """Inline text without any Markdown."""
    return _MARKS.sub(lambda match: f"&#{ord(match[0])};", escape(text))


def _call(name: str, arguments: Any) -> str:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return f"{name}({arguments})"
    if not hasattr(arguments, "items"):
        return f"{name}({arguments!r})"
    shown = (f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in arguments.items())
    return f"{name}({', '.join(shown)})"


def _calls(tool_calls: Any) -> list[str]:
    return [_call(each.function.name, each.function.arguments) for each in tool_calls or ()]


def _facts(model: str | None, tokens: str | None, *others: str | None) -> list[str]:
    return [fact for fact in (model, tokens, *others) if fact]


def _metrics(reply: Any) -> list[str]:
    metrics = reply.metrics
    tokens = None
    if metrics.tokens is not None:
        rate = f", {_rounded(metrics.tokens_per_second)} per second" if metrics.tokens_per_second else ""
        tokens = f"{metrics.tokens} tokens{rate}"
    return _facts(
        reply.model,
        tokens,
        None if metrics.prompt_tokens is None else f"prompt of {metrics.prompt_tokens}",
        None if metrics.total_seconds is None else f"{_seconds(metrics.total_seconds)} in total",
        "cut off at the token limit" if reply.done_reason == "length" else None,
    )


def _usage(reply: Any, sent: str, received: str, reason: str | None) -> list[str]:
    prompt, tokens = (getattr(reply.usage, name, None) for name in (sent, received))
    return _facts(
        reply.model,
        None if tokens is None else f"{tokens} tokens",
        None if prompt is None else f"prompt of {prompt}",
        "cut off at the token limit" if reason in {"length", "max_tokens"} else None,
    )


def _chat(reply: Any) -> _Parts:
    message = reply.message
    calls = _calls(message.tool_calls)
    return _Parts(message.content, thinking=message.thinking, calls=calls, facts=_metrics(reply))


def _generate(reply: Any) -> _Parts:
    calls = _calls(reply.tool_calls)
    return _Parts(reply.response, thinking=reply.thinking, calls=calls, facts=_metrics(reply))


def _message(message: Any) -> _Parts:
    return _Parts(message.content, thinking=message.thinking, calls=_calls(message.tool_calls), facts=[message.role])


def _chat_completion(reply: Any) -> _Parts:
    first = reply.choices[0] if reply.choices else None
    facts = _usage(reply, "prompt_tokens", "completion_tokens", first and first.finish_reason)
    if first is None:
        return _Parts(None, facts=facts)
    message = first.message
    return _Parts(message.content, thinking=message.reasoning, calls=_calls(message.tool_calls), facts=facts)


def _completion(reply: Any) -> _Parts:
    first = reply.choices[0] if reply.choices else None
    facts = _usage(reply, "prompt_tokens", "completion_tokens", first and first.finish_reason)
    return _Parts(first and first.text, facts=facts)


def _messages(reply: Any) -> _Parts:
    blocks = reply.content
    return _Parts(
        "\n\n".join(block.text for block in blocks if block.type == "text"),
        thinking="\n\n".join(block.thinking for block in blocks if block.type == "thinking"),
        calls=[_call(block.name, block.input) for block in blocks if block.type == "tool_use"],
        facts=_usage(reply, "input_tokens", "output_tokens", reply.stop_reason),
    )


def _response(reply: Any) -> _Parts:
    output = reply.output
    texts = [
        part.text for item in output if item.type == "message" for part in item.content if part.type == "output_text"
    ]
    thoughts = [part.text for item in output if item.type == "reasoning" for part in item.summary or ()]
    return _Parts(
        "\n\n".join(texts),
        thinking="\n\n".join(thoughts),
        calls=[_call(item.name, item.arguments) for item in output if item.type == "function_call"],
        facts=_usage(reply, "input_tokens", "output_tokens", None),
    )


_PARTS: dict[str, Callable[[Any], _Parts]] = {
    "ChatCompletion": _chat_completion,
    "ChatResponse": _chat,
    "Completion": _completion,
    "GenerateResponse": _generate,
    "Message": _message,
    "MessagesResponse": _messages,
    "ResponseObject": _response,
}


# Lists, details and vectors, as HTML


def html_of(model: Any) -> str | None:
    """A list of models, a model's details or vectors as HTML; ``None`` for any other model."""
    table = _TABLES.get(type(model).__name__)
    return None if table is None else table(model)


def health_html(results: Iterable[Any]) -> str:
    """The results of health checks as an HTML table."""
    rows = [
        (
            each.endpoint,
            "yes" if each.reachable else "no",
            each.version,
            None if each.latency is None else _seconds(each.latency),
            None if each.models is None else len(each.models),
            None if each.running is None else ", ".join(sorted(each.running)),
            each.error,
        )
        for each in results
    ]
    return _table(["server", "reachable", "version", "latency", "models", "loaded", "error"], rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> str:
    """A table; columns that are empty in every row are left out."""
    rows = list(rows)
    kept = [number for number in range(len(heads)) if not rows or any(row[number] not in {None, ""} for row in rows)]
    style = ' style="text-align: left"'
    head = "".join(f"<th{style}>{escape(heads[number])}</th>" for number in kept)
    lines = [f"<tr>{''.join(f'<td{style}>{_cell(row[number])}</td>' for number in kept)}</tr>" for row in rows]
    footer = f"<p><small>{escape(note)}</small></p>" if note else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{footer}"


def _cell(value: Any) -> str:
    return "" if value is None else escape(str(value))


def _rounded(number: float) -> str:
    return f"{number:.3g}" if number < _KILO else f"{number:.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds * _KILO:.3g} ms" if seconds < 1 else f"{_rounded(seconds)} s"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def readable_bytes(size: float) -> str:
    """A number of bytes for people, such as ``2.02 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.3g} {unit}"
        size /= _KILO
    return f"{size:.3g} TB"


def _moment(when: Any) -> str | None:
    return None if when is None else f"{when:%Y-%m-%d %H:%M}"


def _models(reply: Any) -> str:
    rows = [
        (
            each.name or each.model,
            None if each.size is None else readable_bytes(each.size),
            each.details and each.details.parameter_size,
            each.details and each.details.quantization_level,
            ", ".join(each.capabilities or ()),
            each.remote_host,
            _moment(each.modified_at),
        )
        for each in reply.models
    ]
    heads = ["name", "size", "parameters", "quantization", "capabilities", "runs at", "modified"]
    return _table(heads, rows, _count(len(rows), "model"))


def _running(reply: Any) -> str:
    rows = [
        (
            each.name or each.model,
            None if each.size is None else readable_bytes(each.size),
            f"{each.size_vram / each.size:.0%}" if each.size and each.size_vram is not None else None,
            each.details and each.details.quantization_level,
            each.context_length,
            "unloaded by hand" if each.expires_at and each.expires_at.year > _NEVER else _moment(each.expires_at),
        )
        for each in reply.models
    ]
    heads = ["name", "size", "on the GPU", "quantization", "context", "loaded until"]
    return _table(heads, rows, _count(len(rows), "loaded model"))


def _v1_models(reply: Any) -> str:
    rows = [(each.id, each.owned_by) for each in reply.data]
    return _table(["id", "owned by"], rows, _count(len(rows), "model"))


def _details(reply: Any) -> str:
    details: Any = reply.details
    info: dict[str, Any] = reply.model_info or {}
    family: Any = info.get("general.architecture") or (details and details.family)
    facts: list[tuple[str, Any]] = [
        ("architecture", family),
        ("parameters", details and details.parameter_size),
        ("quantization", details and details.quantization_level),
        ("format", details and details.format),
        ("context length", info.get(f"{family}.context_length")),
        ("embedding length", info.get(f"{family}.embedding_length")),
        ("capabilities", ", ".join(reply.capabilities or ())),
        ("options", "; ".join(" ".join(line.split()) for line in (reply.parameters or "").splitlines())),
        ("runs at", reply.remote_host),
        ("license", (reply.license or "").strip().partition("\n")[0]),
        ("modified", _moment(reply.modified_at)),
    ]
    texts = [("System message", reply.system), ("Template", reply.template), ("Modelfile", reply.modelfile)]
    return _table(["", "model"], [fact for fact in facts if fact[1]]) + "".join(
        f"<details><summary>{title}</summary><pre>{escape(text[:_LONG])}{'…' if len(text) > _LONG else ''}</pre></details>"
        for title, text in texts
        if text
    )


def _vectors(vectors: Sequence[Any], model: str | None) -> str:
    width = len(vectors[0]) if vectors else 0
    rows = [
        (number, ", ".join(f"{each:.4g}" for each in vector[:_NUMBERS]) + (", …" if len(vector) > _NUMBERS else ""))
        for number, vector in enumerate(vectors[:_ROWS])
    ]
    rest = f"; the first {_ROWS}" if len(vectors) > _ROWS else ""
    by = f" by {model}" if model else ""
    return _table(["", "values"], rows, f"{_count(len(vectors), 'vector')} of {_count(width, 'number')}{by}{rest}")


_TABLES: dict[str, Callable[[Any], str]] = {
    "EmbedResponse": lambda reply: _vectors(reply.embeddings, reply.model),
    "EmbeddingsResponse": lambda reply: _vectors([reply.embedding], None),
    "ModelList": _models,
    "RunningModelList": _running,
    "ShowResponse": _details,
    "V1EmbeddingList": lambda reply: _vectors([each.embedding for each in reply.data], reply.model),
    "V1ModelList": _v1_models,
}


# Streams, as they grow


class Screen:
    """Shows the items of one stream: in the output of a notebook's cell, else as text on standard output."""

    def __init__(self) -> None:
        self._output: TextIO = sys.stdout
        self._thinking: list[str] = []
        self._text: list[str] = []
        self._status = ""
        self._handle = _notebook_output()
        self._due = 0.0

    def show(self, item: Any) -> None:
        """Show the text or progress of one item."""
        status = getattr(item, "status", None)
        if isinstance(status, str) and hasattr(item, "completed"):
            self._show_status(status, item)
            return
        thinking, text = _delta(item)
        if self._handle is None:
            self._write(thinking, text)
        if thinking:
            self._thinking.append(thinking)
        if text:
            self._text.append(text)
        if self._handle is not None and (thinking or text) and time.monotonic() >= self._due:
            self._update()
            self._due = time.monotonic() + _REFRESH

    def finish(self, reply: Any) -> None:
        """Show the whole reply with tool calls and metrics; on a terminal, only the tool calls are new."""
        if self._handle is not None:
            if markdown_of(reply) is not None:
                self._handle.update(reply)
            return
        parts = _PARTS.get(type(reply).__name__)
        if (self._text or self._thinking) and not "".join(self._text or self._thinking).endswith("\n"):
            self._output.write("\n")
        for call in parts(reply).calls if parts is not None else ():
            self._output.write(f"Calls {call}\n")
        self._output.flush()

    def abandon(self) -> None:
        """Show the part of a failed stream that has not been shown yet."""
        if self._handle is not None and (self._text or self._thinking):
            self._update()
        elif self._text or self._thinking:
            self._output.write("\n")
            self._output.flush()

    def _show_status(self, status: str, item: Any) -> None:
        share = f" {item.completed / item.total:.0%}" if item.total and item.completed is not None else ""
        line = f"{status}{share}"
        if line == self._status:
            return
        self._status = line
        if self._handle is None:
            self._output.write(f"{line}\n")
            self._output.flush()
        else:
            self._handle.update({"text/plain": line}, raw=True)

    def _write(self, thinking: str, text: str) -> None:
        if text and self._thinking and not self._text:
            self._output.write("\n\n")
        self._output.write(thinking + text)
        self._output.flush()

    def _update(self) -> None:
        text, thinking = "".join(self._text), "".join(self._thinking)
        shown = {"text/plain": text or thinking, "text/markdown": _markdown(_Parts(text, thinking, facts=["…"]))}
        self._handle.update(shown, raw=True)


def in_notebook() -> bool:
    """Whether this code runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _notebook_output() -> Any:
    """A display of the cell that can be updated; ``None`` outside a notebook."""
    if not in_notebook():
        return None
    display: Any = importlib.import_module("IPython.display").display  # IPython has no types for it
    return display({"text/plain": "…"}, raw=True, display_id=True)


def _delta(item: Any) -> tuple[str, str]:
    """The thinking and the text that an item adds."""
    delta = _DELTAS.get(type(item).__name__)
    thinking, text = (None, None) if delta is None else delta(item)
    return thinking or "", text or ""


def _chunk_delta(item: Any) -> tuple[str | None, str | None]:
    delta = item.choices[0].delta if item.choices else None
    return (None, None) if delta is None else (delta.reasoning, delta.content)


# The thinking and the text that each kind of item adds.
_DELTAS: dict[str, Callable[[Any], tuple[str | None, str | None]]] = {
    "ChatCompletionChunk": _chunk_delta,
    "ChatResponse": lambda item: (item.message.thinking, item.message.content),
    "CompletionChunk": lambda item: (None, item.choices[0].text if item.choices else None),
    "GenerateResponse": lambda item: (item.thinking, item.response),
    "MessagesBlockDeltaEvent": lambda item: (getattr(item.delta, "thinking", None), getattr(item.delta, "text", None)),
    "ResponseReasoningDeltaEvent": lambda item: (item.delta, None),
    "ResponseTextDeltaEvent": lambda item: (None, item.delta),
}
