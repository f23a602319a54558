"""The emulated HTTP server: its thread, its connections, its queue, and the place where faults intervene."""
