"""Compares the document with a server: finds routes, fields, types and values that only one of them has.

``golang.py`` and ``openapi.py`` read a server's interface into the plain data of ``shapes.py``; ``differences.py`` compares it with the
document, ``accepted.py`` reads the differences that ``openapi/drift.toml`` accepts, and ``report.py`` writes the others.
"""
