"""One call, from its arguments to its reply.

Read the modules in this order: ``operation`` (the row of data for an endpoint), ``request`` (from arguments to an HTTP request) with
``uploads``, ``perform`` (sends and reads, sync and async), ``response`` (interprets the response), ``streamed`` (opens it as a
stream) and ``error_mapping`` (maps statuses and exceptions to errors). ``raw`` makes methods that return the head of the response
with the reply.
"""
