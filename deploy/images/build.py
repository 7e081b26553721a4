"""Builds the images with Docker: `python deploy/images/build.py [--base IMAGE] [--wheels DIRECTORY] [--sbom FILE]`.

The build context is put together here and sent as a stream: sources and locks, nothing else, whatever lies in
the checkout.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = "deploy/images/Dockerfile"
PARTS = (
    DOCKERFILE,
    "deploy/images/install.py",
    "deploy/images/src",
    "deploy/local/src",
    "requirements/runtime.txt",
    "requirements/local.txt",
    *sorted(f"libs/{path.name}/src" for path in (ROOT / "libs").iterdir() if path.name != "testkit"),
    *sorted(
        f"services/{path.name}/{part}"
        for path in (ROOT / "services").iterdir()
        for part in ("src", "migrations", "pyproject.toml")
    ),
)
TARGETS = ("taproot", "trial")


def version() -> str:
    project = tomllib.loads((ROOT / "services" / "gateway" / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def context(wheels: Path | None) -> bytes:
    """A tar of everything the Dockerfile names; the same sources give the same bytes, so layers are found again."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for part in PARTS:
            tar.add(ROOT / part, part, filter=_plain)
        tar.addfile(_directory("wheels"))
        for wheel in sorted(wheels.glob("*.whl")) if wheels else ():
            tar.add(wheel, f"wheels/{wheel.name}", filter=_plain)
    return out.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if entry.name.endswith((".pyc", "__pycache__")) or "/tests/" in entry.name:
        return None
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def _directory(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def build(target: str, tag: str, base: str, sent: bytes) -> None:
    arguments = {"VERSION": version(), "REVISION": _revision()} | ({"BASE_IMAGE": base} if base else {})
    options = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    command = ["docker", "build", "--target", target, "--tag", tag, "--file", DOCKERFILE, *options, "-"]
    subprocess.run(command, input=sent, check=True)


def _revision() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", default="", help="base image instead of the Dockerfile's")
    parser.add_argument(
        "--wheels", type=Path, help="directory with all wheels of the locks: builds without a network"
    )
    parser.add_argument("--prefix", default="taproot", help="images are <prefix>/taproot and <prefix>/trial")
    parser.add_argument("--sbom", type=Path, help="write the bill of materials there too (CycloneDX JSON)")
    asked = parser.parse_args()
    sent = context(asked.wheels)
    for target in TARGETS:
        build(target, f"{asked.prefix}/{target}:{version()}", asked.base, sent)
    if asked.sbom:
        subprocess.run([sys.executable, ROOT / "deploy" / "images" / "sbom.py", asked.sbom], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
