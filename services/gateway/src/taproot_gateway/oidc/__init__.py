"""Signing in at the enterprise's own identity provider (OpenID Connect), and its bearer tokens."""

from __future__ import annotations

from taproot_gateway.oidc.tokens import OidcSettings, OidcVerifier, looks_like_jwt

__all__ = ["OidcSettings", "OidcVerifier", "looks_like_jwt"]
