"""The roles a new installation starts with. An enterprise changes them as it likes, except `admin`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

ADMIN = "admin"
_IDENTITY = frozenset({"users", "roles", "branches", "teams", "api_keys", "webhooks"})
_MARKETING = frozenset(
    {
        "campaigns", "templates", "journeys", "forms", "score_rules", "scores", "segments", "deliveries",
        "suppressions", "loyalty_programs", "loyalty_accounts",
    }
)  # fmt: skip
# What the day's business is made of.
_BUSINESS = frozenset(
    {
        "customers", "contacts", "relationships", "activities", "tasks", "consents", "imports", "exports", "leads",
        "opportunities", "quotes", "orders", "invoices", "payments", "statements", "approvals", "credit_limits",
        "tickets", "calls", "dispatches", "entitlements", "surveys", "survey_responses", "portal_users",
    }
)  # fmt: skip
# Setting up: read by all, changed by the head office. A resource that stands in none of these sets is the
# administrator's alone until somebody decides about it.
_SETUP = frozenset(
    {
        "approval_policies", "assignment_rules", "calendars", "competitors", "duplicate_rules", "pipelines",
        "pool_rules", "price_books", "products", "queues", "sla_policies", "stations",
    }
)  # fmt: skip
_SELLER = (
    "customers",
    "contacts",
    "relationships",
    "activities",
    "tasks",
    "consents",
    "leads",
    "opportunities",
    "quotes",
    "orders",
)
_AGENT = (
    "tickets",
    "calls",
    "dispatches",
    "activities",
    "tasks",
    "entitlements",
    "surveys",
    "bookings",
    "disputes",
)
# What others do for a customer: whoever answers for the customer reads of it on its page, and finds no lists of it.
_TOUCHES = (
    "calls", "credit_limits", "deliveries", "dispatches", "forms", "journeys", "loyalty_accounts", "scores",
    "segments", "suppressions", "survey_responses",
)  # fmt: skip
_DAILY_VERBS = ("read", "create", "update")


@dataclass(frozen=True)
class SeedRole:
    code: str
    display_name: str
    description: str
    grants: list[list[str]]
    masked_classes: list[str] = field(default_factory=list)
    system: bool = False

    def values(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "display_name": self.display_name,
            "description": self.description,
            "grants": self.grants,
            "masked_classes": self.masked_classes,
            "system": self.system,
        }


def seed_roles(permissions: Iterable[str]) -> list[SeedRole]:
    """`permissions`: all that the contracts name."""
    known = frozenset(permissions)
    resources = {permission.partition(".")[0] for permission in known if "." in permission}
    business = sorted(resources & _BUSINESS)
    marketing = sorted(resources & _MARKETING)
    setup = sorted(resources & _SETUP)
    # Everybody reads the set-up and finds colleagues, offices and teams.
    readable = [one for one in setup if f"{one}.read" in known]
    common = [[f"{one}.read", "all"] for one in (*readable, "users", "branches", "teams")]
    return [
        SeedRole(ADMIN, "Administrator 管理员", "May do everything.", [["*", "all"]], system=True),
        SeedRole(
            "head_office_manager",
            "Head office manager 总部经理",
            "Runs the business of the whole enterprise; does not administer users and roles.",
            [[f"{one}.*", "all"] for one in (*business, *marketing, *setup)]
            + [[f"{one}.read", "all"] for one in sorted(_IDENTITY - {"api_keys"})],
        ),
        SeedRole(
            "branch_manager",
            "Branch manager 分支经理",
            "Runs the business of a branch and of those below it.",
            [[f"{one}.*", "branch_and_below"] for one in (*business, "teams")]
            + [[f"{one}.read", "all"] for one in marketing]
            + common,
        ),
        SeedRole(
            "sales_rep",
            "Sales representative 销售代表",
            "Sells: own customers, leads and deals, and those of the own teams.",
            [[one, "team"] for one in _daily(_SELLER, known)]
            + [
                [f"{one}.read", "team"]
                for one in ("tickets", "invoices", "payments", "statements", "entitlements")
            ]
            + [[f"{one}.read", "own"] for one in _TOUCHES]
            + [
                ["approvals.read", "team"],
                ["approvals.create", "team"],
                ["calls.identify", "branch"],
                ["customers.claim", "branch"],
                *common,
            ],
            masked_classes=["identity"],
        ),
        SeedRole(
            "agent",
            "Service agent 客服坐席",
            "Serves: tickets and calls of the branch, and sees its customers.",
            [[one, "branch"] for one in _daily(_AGENT, known)]
            + [["calls.identify", "all"], ["tickets.assign", "branch"], ["tickets.dispatch", "branch"]]
            + [
                [f"{one}.read", "branch"]
                for one in ("customers", "contacts", "relationships", "orders", "consents", "survey_responses")
            ]
            + [[f"{one}.read", "own"] for one in ("deliveries", "loyalty_accounts", "segments")]
            + common,
            masked_classes=["financial", "identity"],
        ),
        SeedRole(
            "marketer",
            "Marketer 市场专员",
            "Plans campaigns, journeys and programmes for the whole enterprise.",
            [[f"{one}.*", "all"] for one in marketing]
            + [[f"{one}.read", "all"] for one in ("customers", "contacts", "leads", "consents")]
            + common,
            masked_classes=["financial", "identity"],
        ),
        SeedRole(
            "auditor",
            "Auditor 审计员",
            "Reads everything and changes nothing.",
            [["*.read", "all"]],
        ),
    ]


def _daily(resources: Iterable[str], known: frozenset[str]) -> list[str]:
    wanted = (f"{resource}.{verb}" for resource in resources for verb in _DAILY_VERBS)
    return [permission for permission in wanted if permission in known]
