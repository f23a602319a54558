"""Checks recordings, or a live server, against the document: what breaks it, what it does not know, and which routes are not there.

``probes.py`` asks a live server what does no harm; ``judge.py`` compares one exchange with the document; ``report.py`` writes what was found.
"""
