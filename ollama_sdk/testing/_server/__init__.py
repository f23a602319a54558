"""The emulated HTTP server: its thread, its connections, its queue, and the interception of requests by faults."""
