"""Clock, events that wake threads and tasks, access to event loops from other threads, and state after a fork."""
