"""The emulator's HTTP server, its queue and its faults."""
