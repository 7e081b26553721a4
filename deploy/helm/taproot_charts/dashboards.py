"""Grafana dashboards: one per service, one that follows the life of customers through all of them."""

from __future__ import annotations

from typing import Any

Panel = dict[str, Any]
NAMESPACE = 'namespace="$namespace"'
SERVICES = ("customer", "sales", "servicedesk", "marketing", "gateway")


def panel(title: str, unit: str, *series: tuple[str, str], about: str = "") -> Panel:
    """`series`: expression and legend."""
    return {
        "type": "timeseries",
        "title": title,
        "description": about,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(series)
        ],
    }


def quantiles(histogram: str, by: str = "") -> list[tuple[str, str]]:
    """Median, p95 and p99 of a histogram given with its matchers, `name{..}`."""
    name, _, matchers = histogram.partition("{")
    grouping = f"le, {by}" if by else "le"
    rate = f"sum by ({grouping}) (rate({name}_bucket{{{matchers}[5m]))"
    legend = f"{{{{{by}}}}} " if by else ""
    return [(f"histogram_quantile({q}, {rate})", f"{legend}p{q * 100:g}") for q in (0.5, 0.95, 0.99)]


def dashboard(uid: str, title: str, panels: list[Panel]) -> dict[str, Any]:
    for number, one in enumerate(panels):
        one["id"] = number + 1
        one["gridPos"] = {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)}
    return {
        "uid": uid,
        "title": title,
        "tags": ["taproot"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus"},
                {
                    "name": "namespace",
                    "type": "query",
                    "datasource": {"type": "prometheus", "uid": "${datasource}"},
                    "query": 'label_values(up{taproot_service!=""}, namespace)',
                },
            ]
        },
        "panels": panels,
    }


def service_dashboard(service: str) -> dict[str, Any]:
    own = f'{NAMESPACE}, taproot_service="{service}"'
    panels = [
        panel("Calls", "reqps", (f"sum by (code) (rate(taproot_rpc_seconds_count{{{own}}}[5m]))", "{{code}}")),
        panel("Time to answer", "s", *quantiles(f"taproot_rpc_seconds{{{own}}}")),
        panel("Slowest methods, p99", "s",
              (f"topk(8, histogram_quantile(0.99, sum by (le, method) (rate(taproot_rpc_seconds_bucket{{{own}}}[5m]))))",
               "{{method}}")),
        panel("In flight and refused", "short", (f"sum(taproot_rpc_in_flight{{{own}}})", "in flight"),
              (f"sum(rate(taproot_rpc_shed_total{{{own}}}[5m]))", "refused per second")),
        panel("Outbox", "short", (f"max(taproot_outbox_backlog{{{own}}})", "waiting"),
              (f"sum(rate(taproot_outbox_published_total{{{own}}}[5m]))", "published per second"),
              (f"sum(rate(taproot_outbox_publish_failures_total{{{own}}}[5m]))", "failed per second"),
              about="Committed changes that other services have not been told of."),
        panel("Oldest change not announced", "s", (f"max(taproot_outbox_oldest_seconds{{{own}}})", "age")),
        panel("Messages waiting", "short", (f"max by (consumer) (taproot_consumer_lag{{{own}}})", "{{consumer}}")),
        panel("From change to effect, p99", "s",
              (f"histogram_quantile(0.99, sum by (le, consumer) (rate(taproot_consumer_delay_seconds_bucket{{{own}}}[5m])))",
               "{{consumer}}")),
        panel("Events and failed attempts", "short",
              (f"sum by (consumer) (rate(taproot_consumer_events_total{{{own}}}[5m]))", "{{consumer}}"),
              (f"sum by (consumer) (rate(taproot_consumer_retries_total{{{own}}}[5m]))", "{{consumer}} failed")),
        panel("Events set aside", "short",
              (f"sum by (consumer, state) (taproot_dead_letters{{{own}}})", "{{consumer}} {{state}}"),
              about="Dead: could not take effect. Parked: waits behind a dead one of the same record."),
        panel("Oldest event being handled", "s",
              (f"max by (consumer) (taproot_consumer_oldest_seconds{{{own}}})", "{{consumer}}")),
        panel("Jobs", "short",
              (f"sum by (exported_job, result) (rate(taproot_job_runs_total{{{own}}}[15m]))", "{{exported_job}} {{result}}")),
        panel("Memory", "bytes", (f"process_resident_memory_bytes{{{own}}}", "{{pod}}")),
        panel("Processor", "short", (f"rate(process_cpu_seconds_total{{{own}}}[5m])", "{{pod}}")),
    ]  # fmt: skip
    return dashboard(f"taproot-{service}", f"Taproot / {service}", panels + _own_panels(service))


def _own_panels(service: str) -> list[Panel]:
    if service == "marketing":
        due = f"max(taproot_mails_due{{{NAMESPACE}}})"
        oldest = f"max(taproot_mails_oldest_due_seconds{{{NAMESPACE}}})"
        mails = f"sum by (state) (rate(taproot_mail_settled_total{{{NAMESPACE}}}[15m]))"
        return [
            panel("Mails by what came of them", "short", (mails, "{{state}}")),
            panel("Mails due and not sent", "short", (due, "mails")),
            panel("Oldest mail due", "s", (oldest, "age")),
        ]
    if service == "sales":
        waiting = (f"max(taproot_leads_waiting{{{NAMESPACE}}})", "waiting")
        overdue = (f"max(taproot_leads_overdue{{{NAMESPACE}}})", "overdue")
        return [panel("Leads that wait for feedback", "short", waiting, overdue)]
    if service == "servicedesk":
        clocks = f"max by (state) (taproot_sla_clocks{{{NAMESPACE}}})"
        return [panel("Promises that run", "short", (clocks, "{{state}}"))]
    if service != "gateway":
        return []
    return [
        panel("HTTP answers", "reqps", (f"sum by (status) (rate(taproot_http_answers_total{{{NAMESPACE}}}[5m]))", "{{status}}")),
        panel("HTTP time to answer", "s", *quantiles(f"taproot_http_seconds{{{NAMESPACE}}}")),
        panel("gRPC door", "reqps", (f"sum by (code) (rate(taproot_door_seconds_count{{{NAMESPACE}}}[5m]))", "{{code}}")),
        panel("gRPC door, time to answer", "s", *quantiles(f"taproot_door_seconds{{{NAMESPACE}}}")),
    ]  # fmt: skip


STEPS = (
    ("Web forms submitted", "marketing", "FormsService/SubmitForm"),
    ("Leads created or moved on", "sales", "LeadsService/.+"),
    ("Customers matched or made", "customer", "CustomersService/(MatchOrCreateCustomer|CreateCustomer)"),
    ("Quotes", "sales", "QuotesService/(Create|Submit|Accept).*"),
    ("Orders confirmed and fulfilled", "sales", "OrdersService/(Confirm|Fulfil).*"),
    ("Payments", "sales", "PaymentsService/CreatePayment"),
    ("Calls identified", "servicedesk", "CallsService/Identify.*"),
    ("Tickets", "servicedesk", "TicketsService/(Create|Resolve|Close).*"),
    ("Profiles read", "customer", "ProfilesService/.+"),
)


def lifecycle_dashboard() -> dict[str, Any]:
    """Each step by the service that does it; then how fast one service's work is seen by the others."""
    panels = []
    for title, service, methods in STEPS:
        own = (
            f'{NAMESPACE}, taproot_service="{service}", method=~"/taproot\\\\.{service}\\\\.v1\\\\.{methods}"'
        )
        rate = f'sum by (method) (rate(taproot_rpc_seconds_count{{{own}, code="OK"}}[5m])) * 60'
        panels.append(panel(f"{title} per minute ({service})", "short", (rate, "{{method}}")))
    timeline = f'{NAMESPACE}, taproot_service="customer", consumer=~".*timeline.*"'
    panels += [
        panel("Until the timeline shows it", "s", *quantiles(f"taproot_consumer_delay_seconds{{{timeline}}}"),
              about="Every step of every customer, from commit to the timeline; promised within a second."),
        panel("Events per minute", "short",
              (f"sum by (taproot_service) (rate(taproot_outbox_published_total{{{NAMESPACE}}}[5m])) * 60", "{{taproot_service}}")),
        panel("Mails sent per minute", "short",
              (f"sum by (state) (rate(taproot_mail_settled_total{{{NAMESPACE}}}[5m])) * 60", "{{state}}")),
    ]  # fmt: skip
    return dashboard("taproot-lifecycle", "Taproot / Life of customers", panels)


def all_dashboards() -> dict[str, dict[str, Any]]:
    return {service: service_dashboard(service) for service in SERVICES} | {
        "lifecycle": lifecycle_dashboard()
    }
