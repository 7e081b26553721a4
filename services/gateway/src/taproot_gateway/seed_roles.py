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
        "customers", "contacts", "relationships", "attachments", "activities", "tasks", "consents", "imports", "exports", "leads",
        "opportunities", "quotes", "orders", "invoices", "payments", "statements", "approvals", "credit_limits",
        "tickets", "calls", "dispatches", "entitlements", "surveys", "survey_responses", "portal_users", "objects",
        "care_dates", "care_events", "insights", "saved_views", "work_plans",
    }
)  # fmt: skip
# Setting up: read by all, changed by the head office. A resource that stands in none of these sets is the
# administrator's alone until somebody decides about it.
_SETUP = frozenset(
    {
        "approval_policies", "assignment_rules", "calendars", "care_rules", "competitors", "custom_fields",
        "duplicate_rules", "loyalty_class_rules", "object_types", "pipelines", "pool_rules", "price_books", "products", "queues", "sla_policies", "stations",
        "suggestion_rules",
    }
)  # fmt: skip
_SELLER = (
    "customers",
    "contacts",
    "relationships",
    "attachments",
    "activities",
    "tasks",
    "care_dates",
    "consents",
    "leads",
    "opportunities",
    "quotes",
    "orders",
    "objects",
)
_AGENT = (
    "attachments",
    "tickets",
    "calls",
    "dispatches",
    "activities",
    "tasks",
    "care_dates",
    "entitlements",
    "surveys",
    "bookings",
    "disputes",
    "objects",
)
# What others do for a customer: whoever answers for the customer reads of it on its page, and finds no lists of it.
_TOUCHES = (
    "calls", "credit_limits", "deliveries", "dispatches", "forms", "journeys", "loyalty_accounts", "scores",
    "segments", "suppressions", "survey_responses",
)  # fmt: skip
# What cannot be taken back, or takes a whole person's data away: one role alone has it, and no other by `*`.
_PRIVACY = ("customers.erase", "customers.export_personal_data")
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


@dataclass(frozen=True)
class _Sets:
    """What the contracts name, by who has to do with it."""

    known: frozenset[str]
    business: list[str]
    marketing: list[str]
    setup: list[str]
    common: list[list[str]]

    @classmethod
    def of(cls, permissions: Iterable[str]) -> _Sets:
        known = frozenset(permissions)
        resources = {permission.partition(".")[0] for permission in known if "." in permission}
        setup = sorted(resources & _SETUP)
        # Everybody reads the set-up and finds colleagues, offices and teams.
        readable = [one for one in setup if f"{one}.read" in known]
        common = [[f"{one}.read", "all"] for one in (*readable, "users", "branches", "teams")]
        return cls(known, sorted(resources & _BUSINESS), sorted(resources & _MARKETING), setup, common)

    @property
    def planning(self) -> list[list[str]]:
        """What everybody does with plans of one's own."""
        return [[f"work_plans.{verb}", "own"] for verb in (*_DAILY_VERBS, "delete", "comment")]

    def everything_in(self, resources: Iterable[str], scope: str) -> list[list[str]]:
        """All permissions of the resources, but those of `_PRIVACY`."""
        apart = {permission.partition(".")[0] for permission in _PRIVACY}
        found = [[f"{one}.*", scope] for one in resources if one not in apart]
        named = sorted(self.known - set(_PRIVACY))
        return found + [[one, scope] for one in named if one.partition(".")[0] in apart & set(resources)]

    def daily(self, resources: Iterable[str], scope: str) -> list[list[str]]:
        wanted = (f"{resource}.{verb}" for resource in resources for verb in _DAILY_VERBS)
        return [[permission, scope] for permission in wanted if permission in self.known]


def seed_roles(permissions: Iterable[str]) -> list[SeedRole]:
    """`permissions`: all that the contracts name."""
    sets = _Sets.of(permissions)
    admin = SeedRole(ADMIN, "Administrator 管理员", "May do everything.", [["*", "all"]], system=True)
    return [admin, *_managers(sets), *_staff(sets), *_watchers()]


def _managers(sets: _Sets) -> list[SeedRole]:
    return [
        SeedRole(
            "head_office_manager",
            "Head office manager 总部经理",
            "Runs the business of the whole enterprise; does not administer users and roles.",
            sets.everything_in((*sets.business, *sets.marketing, *sets.setup), "all")
            + [[f"{one}.read", "all"] for one in sorted(_IDENTITY - {"api_keys"})],
        ),
        SeedRole(
            "branch_manager",
            "Branch manager 分支经理",
            "Runs the business of a branch and of those below it.",
            sets.everything_in((*sets.business, "teams"), "branch_and_below")
            + [[f"{one}.read", "all"] for one in sets.marketing]
            + sets.common,
        ),
    ]


def _staff(sets: _Sets) -> list[SeedRole]:
    read_by_team = ("tickets", "invoices", "payments", "statements", "entitlements")
    read_by_branch = ("customers", "contacts", "relationships", "orders", "consents", "survey_responses")
    return [
        SeedRole(
            "sales_rep",
            "Sales representative 销售代表",
            "Sells: own customers, leads and deals, and those of the own teams.",
            sets.daily(_SELLER, "team")
            + [[f"{one}.read", "team"] for one in read_by_team]
            + [[f"{one}.read", "own"] for one in _TOUCHES]
            + [["approvals.read", "team"], ["approvals.create", "team"], *sets.planning]
            + [
                ["activities.respond", "own"],
                ["calls.identify", "branch"],
                ["customers.claim", "branch"],
                *sets.common,
            ],
            masked_classes=["identity"],
        ),
        SeedRole(
            "agent",
            "Service agent 客服坐席",
            "Serves: tickets and calls of the branch, and sees its customers.",
            sets.daily(_AGENT, "branch")
            + [
                ["activities.respond", "own"],
                ["calls.identify", "all"],
                ["tickets.assign", "branch"],
                ["tickets.dispatch", "branch"],
                *sets.planning,
            ]
            + [[f"{one}.read", "branch"] for one in read_by_branch]
            + [[f"{one}.read", "own"] for one in ("deliveries", "loyalty_accounts", "segments")]
            + sets.common,
            masked_classes=["financial", "identity"],
        ),
        SeedRole(
            "marketer",
            "Marketer 市场专员",
            "Plans campaigns, journeys and programmes for the whole enterprise.",
            [[f"{one}.*", "all"] for one in sets.marketing]
            + [[f"{one}.read", "all"] for one in ("customers", "contacts", "leads", "consents")]
            + sets.common,
            masked_classes=["financial", "identity"],
        ),
    ]


def _watchers() -> list[SeedRole]:
    return [
        SeedRole("auditor", "Auditor 审计员", "Reads everything and changes nothing.", [["*.read", "all"]]),
        SeedRole(
            "privacy_officer",
            "Privacy officer 个人信息保护负责人",
            "Gives people their data and erases it; sees who did what.",
            [
                [permission, "all"]
                for permission in (*_PRIVACY, "customers.read", "erasures.read", "audit.read")
            ],
        ),
    ]
