"""What a small API server says it has: kinds, their paths, and that it checks fields itself."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
KINDS = {
    "v1": {"ConfigMap": "configmaps", "Service": "services", "ServiceAccount": "serviceaccounts", "Secret": "secrets",
           "PersistentVolumeClaim": "persistentvolumeclaims", "Pod": "pods", "Event": "events"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets", "ReplicaSet": "replicasets"},
    "batch/v1": {"Job": "jobs", "CronJob": "cronjobs"},
    "policy/v1": {"PodDisruptionBudget": "poddisruptionbudgets"},
    "networking.k8s.io/v1": {"NetworkPolicy": "networkpolicies", "Ingress": "ingresses"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
}  # fmt: skip


def kind_of(resource: str) -> tuple[str, str]:
    return next(
        (api, kind) for api, kinds in KINDS.items() for kind, plural in kinds.items() if plural == resource
    )


def discovery(path: str) -> Object | None:
    if path == "/version":
        return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [api.split("/") for api in KINDS if "/" in api]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*one) for one in groups]}
    if path == "/openapi/v3":
        addresses = {f"{'apis' if '/' in api else 'api'}/{api}" for api in KINDS}
        return {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}"} for one in addresses}}
    if path.startswith("/openapi/v3/"):
        return _openapi(path.split("/", 4)[-1])
    api = path.removeprefix("/apis/").removeprefix("/api/")
    if path.startswith(("/api/", "/apis/")) and api in KINDS:
        verbs = ["get", "list", "watch", "create", "update", "patch", "delete"]
        named = [{"name": plural, "singularName": kind.lower(), "kind": kind, "namespaced": True, "verbs": verbs}
                 for kind, plural in KINDS[api].items()]  # fmt: skip
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api, "resources": named}
    return None


def _openapi(api: str) -> Object:
    """Says only that the server validates fields itself, so that Helm need not."""
    group, _, version = api.rpartition("/")
    validates = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths = {
        f"/{kind}": {
            "patch": {
                "parameters": validates,
                "responses": {},
                "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
            }
        }
        for kind in KINDS.get(api, {})
    }
    return {"openapi": "3.0.0", "info": {"title": "test", "version": "1"}, "paths": paths}


def _group(group: str, version: str) -> Object:
    one = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [one], "preferredVersion": one}
