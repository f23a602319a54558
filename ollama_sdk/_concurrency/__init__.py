"""The clock, events that wake threads and tasks, reaching an event loop from elsewhere, and state after a fork."""
