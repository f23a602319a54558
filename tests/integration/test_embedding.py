"""embed and embeddings: texts as vectors."""

from __future__ import annotations

import math

import pytest

from tests.integration.live import Caller, Server


def test_a_text_is_a_vector_of_length_one(caller: Caller, server: Server):
    [vector] = caller.call("embed", server.embedding(), "sky").embeddings
    assert math.isclose(math.hypot(*vector), 1, abs_tol=1e-3)


def test_texts_are_vectors_in_their_order(caller: Caller, server: Server):
    both = caller.call("embed", server.embedding(), ["sky", "grass"]).embeddings
    [first] = caller.call("embed", server.embedding(), "sky").embeddings
    assert len(both) == 2
    assert both[0] == pytest.approx(first, abs=1e-2)


def test_nothing_is_no_vector(caller: Caller, server: Server):
    assert caller.call("embed", server.embedding(), []).embeddings == []


def test_a_vector_may_be_cut_to_a_number_of_dimensions(caller: Caller, server: Server):
    server.since("0.11.11", "dimensions")
    [vector] = caller.call("embed", server.embedding(), "sky", dimensions=8).embeddings
    assert len(vector) == 8


def test_the_older_method_still_works(caller: Caller, server: Server):
    assert len(caller.call("embeddings", server.embedding(), "sky").embedding) > 1
