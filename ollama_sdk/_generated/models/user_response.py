# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UserResponse: An account at ollama.com."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class UserResponse(Model):
    """An account at ollama.com.

    Attributes:
        name: Name of the account.
        id: Identifies the account.
        email: E-mail address of the account.
        bio: The owner's description.
        avatarurl: Address of the account's picture.
        firstname: The owner's first name.
        lastname: The owner's last name.
        plan: The subscription of the account.
    """

    name: str
    id: str | None = None
    email: str | None = None
    bio: str | None = None
    avatarurl: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    plan: Literal["free", "max", "pro"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
