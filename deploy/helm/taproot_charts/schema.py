"""JSON Schemas of the charts' values: a name that does not exist is an error, not a silence."""

from __future__ import annotations

import importlib
from typing import Any

from taproot_charts.catalogue import OWNED_BY_THE_CHART, SERVICES, Service

Schema = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 1}
SECONDS: Schema = {"type": "integer", "minimum": 0}
DURATION: Schema = {"type": "string", "pattern": "^([0-9]+(s|m|h))+$"}
QUANTITY: Schema = {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(m|[KMGT]i?)?$"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
TEXTS: Schema = {"type": "array", "items": TEXT}
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}
FREE: Schema = {"type": "object"}
OBJECTS: Schema = {"type": "array", "items": FREE}


def fields(**properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


AMOUNTS = {"type": "object", "additionalProperties": {"anyOf": [QUANTITY, {"type": "number"}]}}
RESOURCES: Schema = fields(requests=AMOUNTS, limits=AMOUNTS)
PEERS: Schema = fields(port=PORT, to={"type": "array", "items": FREE, "minItems": 1})
SPREAD = one_of("ScheduleAnyway", "DoNotSchedule")


def scaling(**more: Schema) -> Schema:
    percent: Schema = {"type": "integer", "minimum": 1, "maximum": 100}
    return fields(enabled=FLAG, minReplicas=COUNT, maxReplicas=COUNT, cpuPercent=percent, **more)


def global_schema() -> Schema:
    return fields(
        image=fields(registry=TEXT, tag=TEXT, digest=_digest(), pullSecrets=TEXTS),
        priorityClassName=TEXT,
        storageClass=TEXT,
        tls=fields(
            mode=one_of("disabled", "certManager", "existing"),
            issuer=fields(name=TEXT, kind=one_of("Issuer", "ClusterIssuer")),
            duration=DURATION,
            renewBefore=DURATION,
        ),
        telemetry=fields(otlpEndpoint=TEXT),
        monitoring=fields(enabled=FLAG, interval=DURATION, labels=LABELS, dashboardLabel=TEXT),
        keda=fields(mode=one_of("auto", "always", "never"), prometheusUrl=TEXT),
        networkPolicy=fields(
            enabled=FLAG,
            dnsNamespace=TEXT,
            monitoringNamespace=TEXT,
            postgresql=PEERS,
            nats=PEERS,
            telemetry=PEERS,
        ),
    )


def _digest() -> Schema:
    return {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"}


def service_schema(service: Service) -> Schema:
    found = fields(
        **{"global": global_schema(), "taproot-lib": FREE},
        image=fields(
            registry=TEXT,
            repository=TEXT,
            tag=TEXT,
            digest=_digest(),
            pullPolicy=one_of("Always", "IfNotPresent", "Never"),
        ),
        api=fields(replicas=COUNT, resources=RESOURCES, autoscaling=scaling()),
        worker=fields(enabled=FLAG, replicas=COUNT, resources=RESOURCES, autoscaling=scaling(lag=COUNT)),
        config=fields(**settings(service)),
        secrets=_secrets(),
        nats=fields(streamReplicas={"type": "integer", "enum": [1, 3, 5]}),
        tls=fields(existingSecret=TEXT),
        migration=fields(enabled=FLAG, retries=SECONDS, deadlineSeconds=COUNT, resources=RESOURCES),
        blobs=_blobs(),
        lifecycle=fields(preStopSeconds=SECONDS, drainSeconds=SECONDS),
        probes=fields(startupSeconds=COUNT, periodSeconds=COUNT, livenessFailures=COUNT),
        topologySpread=fields(zone=SPREAD, host=SPREAD),
        serviceAccount=fields(create=FLAG, name=TEXT, annotations=LABELS),
        network=_network(service),
        priorityClassName=TEXT,
        tmpSize=QUANTITY,
        podLabels=LABELS,
        podAnnotations=LABELS,
        nodeSelector=LABELS,
        tolerations=OBJECTS,
        affinity=FREE,
        extraEnv=OBJECTS,
        **(_doors() if service.name == "gateway" else {}),
    )
    return {"$schema": DRAFT, "title": f"Values of the {service.name} chart", **found}


def settings(service: Service) -> dict[str, Schema]:
    """What the service's settings class knows, less what the chart decides and what is secret (`repr=False`)."""
    definition = importlib.import_module(f"taproot_{service.name}.main").DEFINITION
    known = definition.settings.model_json_schema()["properties"]
    fields_ = definition.settings.model_fields
    free = (name for name in sorted(known) if name not in OWNED_BY_THE_CHART and fields_[name].repr)
    return {name: _setting(known[name]) for name in free}


def _setting(described: Schema) -> Schema:
    if "anyOf" in described:
        return {"type": ["string", "number", "boolean"]}
    return {
        key: described[key] for key in ("type", "enum", "minimum", "maximum", "pattern") if key in described
    }


def _secrets() -> Schema:
    external = fields(
        enabled=FLAG,
        refreshInterval=DURATION,
        store=fields(name=TEXT, kind=one_of("SecretStore", "ClusterSecretStore")),
        prefix=TEXT,
    )
    return fields(existingSecret=TEXT, existingMigrationSecret=TEXT, externalSecrets=external)


def _blobs() -> Schema:
    modes = one_of("ReadWriteMany", "ReadWriteOnce")
    return fields(enabled=FLAG, existingClaim=TEXT, size=QUANTITY, accessMode=modes, storageClass=TEXT)


def _network(service: Service) -> Schema:
    found = {"callers": TEXTS, "calls": TEXTS, "extraEgress": OBJECTS}
    return fields(**found, **({"visitors": OBJECTS} if service.name == "gateway" else {}))


def _doors() -> dict[str, Schema]:
    return {
        "service": fields(type=one_of("ClusterIP", "NodePort", "LoadBalancer"), annotations=LABELS),
        "ingress": fields(
            enabled=FLAG,
            className=TEXT,
            host=TEXT,
            grpcHost=TEXT,
            tlsSecret=TEXT,
            annotations=LABELS,
            grpcAnnotations=LABELS,
        ),
        "gatewayApi": fields(enabled=FLAG, parentRefs=OBJECTS, host=TEXT, grpcHost=TEXT),
    }


def umbrella_schema(shared: Schema) -> Schema:
    """The services' parts are checked by their own charts."""
    trial = fields(
        enabled=FLAG,
        image=fields(registry=TEXT, repository=TEXT, tag=TEXT, digest=_digest(), pullPolicy=TEXT),
        size=QUANTITY,
        resources=RESOURCES,
        mail=FLAG,
    )
    collector = fields(
        enabled=FLAG,
        image=fields(registry=TEXT, repository=TEXT, tag=TEXT, digest=_digest(), pullPolicy=TEXT),
        replicas=COUNT,
        exportTo=TEXT,
        exportInsecure=FLAG,
        resources=RESOURCES,
        extraEgress=OBJECTS,
    )
    backup = fields(
        enabled=FLAG,
        schedule=TEXT,
        keep=COUNT,
        existingClaim=TEXT,
        size=QUANTITY,
        deadlineSeconds=COUNT,
        databasePort=COUNT,
        natsPort=COUNT,
        resources=RESOURCES,
    )
    found = fields(
        **{"global": shared, "taproot-lib": FREE},
        **{service.name: FREE for service in SERVICES},
        trial=trial,
        backup=backup,
        collector=collector,
    )
    return {"$schema": DRAFT, "title": "Values of the Taproot chart", **found}
