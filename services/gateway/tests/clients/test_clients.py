"""The clients against a real gateway; TypeScript where its compiler is there."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taproot_gateway.openapi.document import document
from taproot_gateway.openapi.typescript import typescript
from taproot_gateway.transcoding.contracts import Contracts
from taproot_gateway.transcoding.routes import Router

CLIENTS = Path(__file__).resolve().parents[2] / "clients"
USE = """
import { Taproot, Problem } from "./client.js";

declare const process: { env: Record<string, string>; exit(code: number): void };

const crm = new Taproot(process.env["URL"]!, process.env["KEY"]!);

async function main(): Promise<void> {
  const heard: string[] = [];
  const listening = (async () => {
    for await (const notice of crm.events({ types: "customer.created" })) {
      heard.push(notice.id);
      return;
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const made = await crm.call("POST /v1/customers", {
    body: { kind: "CUSTOMER_KIND_PERSON", display_name: "李娜" },
  });
  await listening;
  const read = await crm.call("GET /v1/customers/{id}", { path: { id: made.id! } });
  const names: Array<string | undefined> = [];
  for await (const one of crm.list("GET /v1/customers", { query: { page_size: 1, filter: 'display_name = "李娜"' } })) {
    names.push(one.display_name);
  }
  let refused = 0;
  try {
    await crm.call("POST /v1/customers", { body: {} });
  } catch (error) {
    refused = error instanceof Problem ? error.status : -1;
  }
  console.log(JSON.stringify({ same: read.id === made.id, heard: heard[0] === made.id, names, refused }));
  process.exit(0);
}
void main();

// What does not fit the contract does not compile.
export function wrong(): void {
  // @ts-expect-error no such operation
  void crm.call("GET /v1/nothing", {});
  // @ts-expect-error the path needs an id
  void crm.call("GET /v1/customers/{id}", {});
  // @ts-expect-error no such field
  void crm.call("POST /v1/customers", { body: { nope: 1 } });
  // @ts-expect-error no such value
  void crm.call("POST /v1/customers", { body: { kind: "NOBODY" } });
}
"""


@pytest.fixture(scope="module")
def python_client() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("taproot_client", CLIENTS / "python" / "taproot_client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def url_of(suite: Any) -> str:
    return f"http://127.0.0.1:{suite.harness.runtime.settings.http_port}"


class TestPython:
    async def test_writes_reads_lists_and_listens(self, suite: Any, python_client: Any) -> None:
        told = await asyncio.to_thread(self._use, python_client, url_of(suite), suite.admin_token)
        assert told == []

    def _use(self, client: Any, url: str, token: str) -> list[str]:
        wrong = []
        with client.Taproot(url, token, patience=10) as crm, client.Taproot(url, token) as other:
            events = other.events(types="customer.*", last_id="")
            made = [crm.post("/v1/customers", {"kind": "PERSON", "display_name": f"py{n}"}) for n in range(3)]
            wrong += [] if crm.get(f"/v1/customers/{made[0]['id']}") == made[0] else ["get"]
            found = crm.get_many("/v1/customers", [one["id"] for one in made], fields="id")
            wrong += (
                [] if [one["id"] for one in found["customers"]] == [one["id"] for one in made] else ["batch"]
            )
            listed = list(crm.list("/v1/customers", page_size=1, filter='display_name = "py*"'))
            wrong += (
                [] if {one["id"] for one in listed} == {one["id"] for one in made} else [f"list {listed}"]
            )
            again = crm.call("GET", f"/v1/customers/{made[0]['id']}")
            same = crm.call("GET", f"/v1/customers/{made[0]['id']}", if_none_match=again.etag)
            wrong += [] if same.status == 304 else ["304"]
            crm.patch(f"/v1/customers/{made[0]['id']}", {"note": "n"}, etag=again.etag)
            for call, status in (
                (lambda: crm.patch(f"/v1/customers/{made[0]['id']}", {"note": "m"}, etag=again.etag), 412),
                (lambda: crm.post("/v1/customers", {}), 400),
                (lambda: crm.get("/v1/customers/0190b6a0-0000-7000-8000-00000000beef"), 404),
            ):
                try:
                    call()
                    wrong.append(f"no {status}")
                except client.Problem as problem:
                    wrong += [] if problem.status == status else [str(problem)]
            position = "customer.0-identity.0-marketing.0-sales.0-servicedesk.0"
            events = other.events(types="customer.created", last_id=position)
            heard = [next(events)["id"] for _ in range(3)]
            wrong += [] if set(heard) <= {one["id"] for one in made} | set(heard) else ["events"]
        return wrong


class TestTypeScript:
    def test_the_types_are_made_from_the_contracts(self, loaded: Contracts, router: Router) -> None:
        text = typescript(document(loaded, router.routes, ""))
        assert '"GET /v1/customers/{id}": { request: { path: { id: string; };' in text
        assert "export type CustomerCustomer = {" in text

    async def test_compiles_and_works(
        self, suite: Any, loaded: Contracts, router: Router, tmp_path: Path
    ) -> None:
        compiler, node = shutil.which("tsc"), shutil.which("node")
        if compiler is None or node is None:
            pytest.skip("node and TypeScript's tsc are not on the PATH")
        shutil.copytree(CLIENTS / "typescript", tmp_path, dirs_exist_ok=True)
        (tmp_path / "operations.ts").write_text(typescript(document(loaded, router.routes, "")))
        (tmp_path / "use.ts").write_text(USE)
        (tmp_path / "package.json").write_text('{"type": "module"}')
        done = await self._run(tmp_path, compiler, "-p", ".")
        assert done.returncode == 0, done.stdout[-4000:]
        done = await self._run(tmp_path, node, "use.js", URL=url_of(suite), KEY=suite.admin_token)
        assert done.stdout.strip() == '{"same":true,"heard":true,"names":["李娜"],"refused":400}', done

    async def _run(self, where: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=where,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
