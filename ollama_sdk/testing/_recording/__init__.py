"""Records exchanges with a server and replays them: what is removed, what matches, and the two ASGI applications."""
