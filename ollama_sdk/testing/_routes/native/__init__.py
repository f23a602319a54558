"""Routes of Ollama's own interface, ``/api``."""
