"""Enough of a Kubernetes API server for Helm: discovery, storage, watches, and controllers that behave as ours need.

A Deployment becomes ready when its service's database has been migrated, as its init containers see to it; a Job
migrates, or fails when told to. So a release that waits for itself is seen to hang.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from apikinds import KINDS, discovery, kind_of

Object = dict[str, Any]
SERVICE = "app.kubernetes.io/name"


class Cluster:
    """`history`: what happened, in order, as (verb, kind, name). `failing`: services that cannot migrate;
    `needs`: what must be there, as kind/name, before any can.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.events: list[tuple[int, str, str, Object]] = []
        self.history: list[tuple[str, str, str]] = []
        self.migrated: set[str] = set()
        self.failing: set[str] = set()
        self.needs: set[str] = set()
        self.version = 0

    def put(self, resource: str, one: Object, verb: str) -> Object:
        """Store, as a change when it is one. Called with the lock held."""
        meta = one["metadata"]
        key = (resource, meta.get("namespace", ""), meta["name"])
        before = self.objects.get(key)
        self.version += 1
        meta.setdefault("uid", str(uuid.uuid4()))
        meta.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        changed = before is None or before.get("spec") != one.get("spec")
        meta["generation"] = (before["metadata"]["generation"] if before else 0) + changed
        meta["resourceVersion"] = str(self.version)
        self.objects[key] = one
        self._tell(resource, "ADDED" if before is None else "MODIFIED", one)
        if verb and changed:
            self.history.append((verb, one["kind"], meta["name"]))
        return one

    def remove(self, key: tuple[str, str, str]) -> Object | None:
        one = self.objects.pop(key, None)
        if one is not None:
            self.version += 1
            self._tell(key[0], "DELETED", one)
            self.history.append(("delete", one["kind"], key[2]))
        return one

    def _tell(self, resource: str, kind: str, one: Object) -> None:
        self.events.append((self.version, resource, kind, copy.deepcopy(one)))
        self.changed.notify_all()

    def control(self) -> None:
        """One round of all controllers."""
        with self.changed:
            for key, one in list(self.objects.items()):
                status = _STATUS.get(key[0], lambda _cluster, _one: None)(self, one)
                if status is not None and one.get("status") != status:
                    self.put(key[0], {**one, "status": status}, "")

    def named(self, kind: str) -> dict[str, Object]:
        return {key[2]: one for key, one in self.objects.items() if one["kind"] == kind}


def _deployment(cluster: Cluster, one: Object) -> Object:
    wanted, service = one["spec"].get("replicas", 1), one["metadata"]["labels"][SERVICE]
    ready = wanted if service in cluster.migrated else 0
    return {
        "observedGeneration": one["metadata"]["generation"], "replicas": wanted, "updatedReplicas": wanted,
        "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": wanted - ready,
        "conditions": [
            {"type": "Available", "status": "True" if ready else "False"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        ],
    }  # fmt: skip


def _job(cluster: Cluster, one: Object) -> Object:
    service = one["metadata"]["labels"][SERVICE]
    if service in cluster.failing:
        return {
            "failed": 4,
            "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}],
        }
    if not cluster.needs <= {
        f"{other['kind']}/{other['metadata']['name']}" for other in cluster.objects.values()
    }:
        return {"active": 1, "startTime": "2026-01-01T00:00:00Z"}
    if one.get("status", {}).get("succeeded") is None:
        cluster.migrated.add(service)
        cluster.history.append(("migrated", "Job", one["metadata"]["name"]))
    return {"succeeded": 1, "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:01Z",
            "conditions": [{"type": "Complete", "status": "True"}]}  # fmt: skip


def _stateful_set(_cluster: Cluster, one: Object) -> Object:
    return {"observedGeneration": one["metadata"]["generation"], "replicas": 1, "readyReplicas": 1, "currentReplicas": 1,
            "updatedReplicas": 1, "availableReplicas": 1, "currentRevision": "1", "updateRevision": "1"}  # fmt: skip


_STATUS: dict[str, Callable[[Cluster, Object], Object]] = {
    "deployments": _deployment,
    "statefulsets": _stateful_set,
    "jobs": _job,
    "persistentvolumeclaims": lambda _cluster, _one: {"phase": "Bound"},
    "poddisruptionbudgets": lambda _cluster, one: {
        "observedGeneration": one["metadata"]["generation"], "disruptionsAllowed": 1,
        "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
    },
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    cluster: Cluster
    unknown: list[str]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name it has in http.server
        pass

    def answer(self, body: Any, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, reason: str) -> None:
        self.answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": reason,
                     "message": f"{reason}: {self.path}", "code": status}, status)  # fmt: skip

    def place(self) -> tuple[str, str, str] | None:
        """(resource, namespace, name) of the path; name empty for a list."""
        parts = urlsplit(self.path).path.strip("/").split("/")
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if rest[:1] == ["namespaces"] and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        known = {plural for plurals in KINDS.values() for plural in plurals.values()}
        if not rest or rest[0] not in known:
            return None
        return rest[0], namespace, rest[1] if len(rest) > 1 else ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.rstrip("/")
        found = discovery(path)
        if found is not None:
            self.answer(found)
            return
        place = self.place()
        if place is None:
            self.refuse(404, "NotFound")
        elif place[2]:
            self._one(place)
        else:
            self._list(*place[:2])

    def _one(self, place: tuple[str, str, str]) -> None:
        with self.cluster.changed:
            one = copy.deepcopy(self.cluster.objects.get(place))
        if one is None:
            self.refuse(404, "NotFound")
        else:
            self.answer(one)

    def _list(self, resource: str, namespace: str) -> None:
        query = parse_qs(urlsplit(self.path).query)
        fields = dict(
            part.split("=", 1) for part in ",".join(query.get("fieldSelector", [])).split(",") if part
        )
        name = fields.get("metadata.name", "")

        def fits(one: Object) -> bool:
            meta = one["metadata"]
            return (not namespace or meta.get("namespace") == namespace) and (
                not name or meta["name"] == name
            )

        if query.get("watch") in (["true"], ["1"]):
            since = int(query.get("resourceVersion", ["0"])[0] or 0)
            self._watch(resource, since, fits, initial="sendInitialEvents" in query)
            return
        listed, version = self._now(resource, fits)
        api, kind = kind_of(resource)
        self.answer(
            {
                "kind": f"{kind}List",
                "apiVersion": api,
                "metadata": {"resourceVersion": version},
                "items": listed,
            }
        )

    def _now(self, resource: str, fits: Callable[[Object], bool]) -> tuple[list[Object], str]:
        with self.cluster.changed:
            items = [one for key, one in self.cluster.objects.items() if key[0] == resource and fits(one)]
            return copy.deepcopy(items), str(self.cluster.version)

    def _watch(self, resource: str, since: int, fits: Callable[[Object], bool], *, initial: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if initial:
            since = self._send_initial(resource, fits)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with self.cluster.changed:
                news = [event for event in self.cluster.events if event[0] > since and event[1] == resource]
                if not news:
                    self.cluster.changed.wait(0.5)
            for version, _, kind, one in news:
                since = version
                if fits(one):
                    self._send(kind, one)

    def _send_initial(self, resource: str, fits: Callable[[Object], bool]) -> int:
        """What is there, and a bookmark that says that was all."""
        items, version = self._now(resource, fits)
        for one in items:
            self._send("ADDED", one)
        api, kind = kind_of(resource)
        notes = {"k8s.io/initial-events-end": "true"}
        self._send(
            "BOOKMARK",
            {"kind": kind, "apiVersion": api, "metadata": {"resourceVersion": version, "annotations": notes}},
        )
        return int(version)

    def _send(self, kind: str, one: Object) -> None:
        self.wfile.write(json.dumps({"type": kind, "object": one}).encode() + b"\n")

    def do_POST(self) -> None:
        self._write("create")

    def do_PUT(self) -> None:
        self._write("change")

    def do_PATCH(self) -> None:
        self._write("change")

    def _write(self, verb: str) -> None:
        body = yaml.safe_load(self.rfile.read(int(self.headers["Content-Length"])))
        place = self.place()
        if place is None:
            self.refuse(404, "NotFound")
            return
        resource, namespace, name = place
        with self.cluster.changed:
            key = (resource, namespace, name or body["metadata"]["name"])
            before = self.cluster.objects.get(key)
            if verb == "create" and before is not None:
                refusal = (409, "AlreadyExists")
            elif (
                before is not None
                and resource == "jobs"
                and body.get("spec", {}).get("template", {}) != before["spec"]["template"]
            ):
                refusal = (422, "Invalid")  # a Job's template cannot be changed
            else:
                refusal = None
                merged = _merged(copy.deepcopy(before) if before else {}, body, self.headers["Content-Type"])
                merged["metadata"].setdefault("namespace", namespace)
                stored = copy.deepcopy(
                    self.cluster.put(resource, merged, "create" if before is None else verb)
                )
        if refusal:
            self.refuse(*refusal)
        else:
            self.answer(stored, 201 if before is None else 200)

    def do_DELETE(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        place = self.place()
        with self.cluster.changed:
            gone = self.cluster.remove(place) if place else None
        if gone is None:
            self.refuse(404, "NotFound")
        else:
            self.answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})


def _merged(before: Object, body: Object, content_type: str) -> Object:
    """An apply states the whole of what its owner wants: parts it has no say in stay."""
    if "apply-patch" in content_type or not before:
        kept = {name: before["metadata"][name] for name in ("uid", "creationTimestamp") if before}
        return {
            **body,
            "metadata": {**body["metadata"], **kept},
            **({"status": before["status"]} if "status" in before else {}),
        }
    return _deep(before, body)


def _deep(under: Object, over: Object) -> Object:
    for name, value in over.items():
        under[name] = (
            _deep(under[name], value)
            if isinstance(value, dict) and isinstance(under.get(name), dict)
            else value
        )
    return under


@contextmanager
def serving() -> Iterator[tuple[str, Cluster]]:
    """The address and the state of a running one."""
    cluster, ended = Cluster(), threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"cluster": cluster}))
    server.daemon_threads = True

    def control() -> None:
        while not ended.wait(0.1):
            cluster.control()

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=control)]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", cluster
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()
