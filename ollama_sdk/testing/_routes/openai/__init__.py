"""Routes of the OpenAI-compatible interface, ``/v1``."""
