"""Orders endpoints for one call, by the strategy of :class:`~ollama_sdk.reliability.Failover`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ._extensions import model_of
from ._model_name import full_name

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    import httpx

    from .endpoints import Member

__all__ = ["STRATEGIES", "Strategy"]

Strategy = Literal["priority", "round_robin", "least_busy", "model_aware"]

# For more endpoints, sorting all by load costs more than it gains: the less busy of two random ones is nearly as good
# (Mitzenmacher, "The power of two choices in randomized load balancing").
_SORTED_UP_TO = 8


def _by_priority(members: list[Member], _request: httpx.Request, _turn: int, _rng: random.Random) -> list[Member]:
    return members


def _by_rotation(members: list[Member], _request: httpx.Request, turn: int, _rng: random.Random) -> list[Member]:
    start = turn % len(members)
    return members[start:] + members[:start]


def _by_load(members: list[Member], _request: httpx.Request, _turn: int, rng: random.Random) -> list[Member]:
    if len(members) <= _SORTED_UP_TO:
        return sorted(members, key=lambda member: (member.busy(), rng.random()))
    # The others are shuffled as well: otherwise every call that fails over would go to the same endpoint.
    drawn = rng.sample(members, len(members))
    return sorted(drawn[:2], key=lambda member: member.busy()) + drawn[2:]


def _by_model(members: list[Member], request: httpx.Request, turn: int, rng: random.Random) -> list[Member]:
    model = model_of(request)
    if model is None or not request.extensions.get("needs_model", True):
        return _by_load(members, request, turn, rng)
    name = full_name(model)
    loaded: list[Member] = []
    stored: list[Member] = []
    unknown: list[Member] = []
    doubtful: list[Member] = []
    for member in members:
        has = member.has(name)
        if has is None:
            unknown.append(member)
        elif has:
            (loaded if name in member.loaded else stored).append(member)
        elif member.models is None:  # without health checks, only a call can find out whether it has the model again
            doubtful.append(member)
    groups = (loaded, stored, unknown, doubtful)
    return [member for group in groups for member in _by_load(group, request, turn, rng)]


# Each takes the endpoints, the request, the number of the call and a source of random numbers.
STRATEGIES: dict[str, Callable[[list[Member], httpx.Request, int, random.Random], list[Member]]] = {
    "priority": _by_priority,
    "round_robin": _by_rotation,
    "least_busy": _by_load,
    "model_aware": _by_model,
}
