"""Failures SCIM has words of its own for (RFC 7644, 3.12)."""

from __future__ import annotations


class ScimError(Exception):
    def __init__(self, status: int, detail: str, scim_type: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type


class InvalidFilter(ScimError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail, "invalidFilter")


class InvalidPath(ScimError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail, "invalidPath")


class InvalidValue(ScimError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail, "invalidValue")


class InvalidSyntax(ScimError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail, "invalidSyntax")


class NoTarget(ScimError):
    def __init__(self, detail: str) -> None:
        super().__init__(400, detail, "noTarget")


class Immutable(ScimError):
    def __init__(self, name: str) -> None:
        super().__init__(400, f"{name} is set by the service", "mutability")


class VersionMismatch(ScimError):
    def __init__(self) -> None:
        super().__init__(412, "the resource has changed since it was read")
