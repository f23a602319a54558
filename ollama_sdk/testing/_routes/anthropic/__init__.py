"""The route of the Anthropic-compatible interface, ``/v1/messages``."""
