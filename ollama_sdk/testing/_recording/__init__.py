"""Records exchanges with a server and replays them: redaction, matching, and the two ASGI applications."""
