"""Checks recordings, or a live server, against the document: finds violations, unknown fields and missing routes.

``probes.py`` sends harmless requests to a live server; ``judge.py`` compares one exchange with the document; ``report.py`` writes the
findings.
"""
