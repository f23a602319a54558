"""Measures how far the document is from a server: which routes, fields, types and values one has and the other has not.

``golang.py`` and ``openapi.py`` read a server's interface into the plain data of ``shapes.py``; ``differences.py`` compares it with the
document, ``accepted.py`` sets aside what ``openapi/drift.toml`` accepts, and ``report.py`` writes the rest.
"""
