"""The commands of the pages about the API are run as printed, but for the address and the place of the password."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def test_the_api_page_works(suite: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "use-the-api.md").read_text()
    script = "\n".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    script = script.replace("http://localhost:8080", suite.url)
    script = script.replace(".taproot/admin-password", str(suite.home / "admin-password"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    for said in (
        "too late: 412",
        "unchanged: 304",
        '"missing":[]',
        '"display_name":"李娜"',
        'ratelimit: "key";r=',
    ):
        assert said in done.stdout, (said, done.stdout)
