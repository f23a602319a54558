# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UserResponse: An account at ollama.com."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class UserResponse(Model):
    """An account at ollama.com.

    Attributes:
        id: Identifies the account.
        email: Its e-mail address.
        name: Its name.
        bio: What the owner says about it.
        avatarurl: Address of its picture.
        firstname: The owner's first name.
        lastname: The owner's last name.
        plan: What the account pays for.
    """

    id: str
    email: str
    name: str
    bio: str | None = None
    avatarurl: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    plan: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
