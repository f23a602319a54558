"""One call, from its arguments to its reply.

To be read in this order: ``operation`` (the row of data that describes an endpoint), ``request`` (arguments to an HTTP
request) with ``uploads``, ``perform`` (send and read, sync and async), ``response`` (what the response means) and
``error_mapping`` (which error a status or an exception becomes). ``raw`` gives methods that return the head of the response
with the reply.
"""
