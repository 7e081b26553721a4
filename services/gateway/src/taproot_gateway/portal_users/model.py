"""What can go wrong with an invitation. The user itself is one of `users`."""

from __future__ import annotations

from taproot_base.errors import AlreadyExists


class PortalUserExists(AlreadyExists):
    reason = "PORTAL_USER_EXISTS"

    def __init__(self) -> None:
        super().__init__("somebody signs in with this address already")
