"""embed and embeddings work on a real server."""

from __future__ import annotations

import math

import pytest

from tests.integration.live import Caller, Server


def test_vector_has_norm_one(caller: Caller, server: Server):
    [vector] = caller.call("embed", server.embedding(), "sky").embeddings
    assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-3)


def test_vectors_are_in_the_order_of_their_texts(caller: Caller, server: Server):
    both = caller.call("embed", server.embedding(), ["sky", "grass"]).embeddings
    [first] = caller.call("embed", server.embedding(), "sky").embeddings
    assert len(both) == 2
    assert both[0] == pytest.approx(first, abs=1e-2)


def test_embed_of_nothing_is_empty(caller: Caller, server: Server):
    assert caller.call("embed", server.embedding(), []).embeddings == []


def test_dimensions_shorten_vectors(caller: Caller, server: Server):
    server.knows("embed", "dimensions")
    [vector] = caller.call("embed", server.embedding(), "sky", dimensions=8).embeddings
    assert len(vector) == 8


def test_embeddings_still_works(caller: Caller, server: Server):
    assert len(caller.call("embeddings", server.embedding(), "sky").embedding) > 1
