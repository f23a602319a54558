"""The site's settings for Sphinx; see docs/write_site.py for where its pages come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

project = "ollama-sdk"
author = copyright = "the authors of ollama-sdk"  # noqa: A001 - Sphinx's name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "attrs_inline"]
myst_heading_anchors = 3
nitpicky = True
html_theme = "furo"
html_title = "ollama-sdk"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
highlight_language = "python"
pygments_style, pygments_dark_style = "friendly", "monokai"
exclude_patterns = ["_static"]


def _write_twins(app: Any, failure: Exception | None) -> None:
    """Put the Markdown of each page beside it, and list all of them in llms.txt, for readers that are programs."""
    if failure is not None or app.builder.name != "html":
        return
    source, out = Path(app.srcdir), Path(app.outdir)
    lines = [
        "# ollama-sdk",
        "",
        "> A typed Python client for Ollama's HTTP interface, sync and async.",
        "",
        "## Pages",
        "",
    ]
    for name in sorted(app.env.found_docs, key=lambda each: (each.count("/"), each)):
        text = (source / f"{name}.md").read_text(encoding="utf-8")
        twin = out / f"{name}.md"
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_text(text, encoding="utf-8")
        lines.append(f"- [{app.env.titles[name].astext()}]({name}.md)")
    (out / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("build-finished", _write_twins)
