"""The clock, events that wake threads and tasks, and reaching an event loop from elsewhere."""
