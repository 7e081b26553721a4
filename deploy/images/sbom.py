"""Bill of materials of the image: every locked package with its hashes, as CycloneDX JSON.

`python deploy/images/sbom.py FILE`; what the base image brings is in the base image's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.txt"


def write(file: Path) -> None:
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", str(LOCK)]
    options = ["--output-format", "JSON", "--output-reproducible", "--output-file", str(file)]
    subprocess.run([*command, *options], check=True)
    found = json.loads(file.read_text())
    found["metadata"]["component"] = {
        "type": "container",
        "bom-ref": "taproot",
        "name": "taproot",
        "version": _version(),
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    for component in found["components"]:
        # A lock names no registry; neither does the bill.
        component.pop("externalReferences", None)
        component.pop("description", None)
        component["hashes"] = _hashes(component["name"])
    file.write_text(json.dumps(found, indent=2) + "\n")


def _hashes(name: str) -> list[dict[str, str]]:
    """Any of these files may have been installed: one for each platform and the source."""
    block = LOCK.read_text().split(f"\n{name}==", 1)[-1].split("\n    # via", 1)[0]
    parts = block.split("--hash=sha256:")[1:]
    return [{"alg": "SHA-256", "content": part.split()[0]} for part in parts]


def _version() -> str:
    project = tomllib.loads((ROOT / "services" / "gateway" / "pyproject.toml").read_text())
    return str(project["project"]["version"])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
