"""Makes and checks Go templates of prompts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["default_template", "template_error"]

_SYSTEM = "{{ if .System }}{{ .System }}\n{{ end }}"
_TOOLS = "{{ if .Tools }}{{ range .Tools }}{{ . }}\n{{ end }}{{ end }}"
_PROMPT = "{{ if .Prompt }}{{ .Prompt }}\n{{ end }}"
_SUFFIX = "{{ if .Suffix }}{{ .Prompt }}<fill>{{ .Suffix }}{{ else }}"
_THINKING = "{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}"
_TOOL_CALLS = "{{ range .ToolCalls }}{{ .Function.Name }}{{ .Function.Arguments }}{{ end }}"

_ACTION = re.compile(r"\{\{-?\s*(\w*)(.*?)\}\}", re.DOTALL)
_OPENING = frozenset({"if", "range", "with", "block", "define"})


def default_template(capabilities: Collection[str]) -> str:
    """Return a template with the variables from which clients, and Ollama itself, read a model's capabilities."""
    tools = "tools" in capabilities
    body = _SYSTEM + (_TOOLS if tools else "") + _PROMPT
    body += (_THINKING if "thinking" in capabilities else "") + (_TOOL_CALLS if tools else "") + "{{ .Response }}"
    return f"{_SUFFIX}{body}{{{{ end }}}}" if "insert" in capabilities else body


def template_error(text: str) -> str | None:
    """Return Go's error text for a template with an unclosed action or block; ``None`` for any other template."""
    depth = 0
    for action in _ACTION.finditer(text):
        depth += (action[1] in _OPENING) - (action[1] == "end")
        if depth < 0:
            return "template: :1: unexpected {{end}}"
    rest = _ACTION.sub("", text)
    if "{{" in rest:
        return "template: :1: unclosed action"
    return "template: :1: unexpected EOF" if depth else None
