from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taproot_base.errors import AppError
from taproot_gateway.sessions.devices import described
from taproot_gateway.sessions.policy import Policy, listed, too_common


@pytest.mark.parametrize(
    "password",
    [
        "password12", "P@ssw0rd2024!", "1234567890", "qwertyuiop", "0987654321", "aaaaaaaaaa", "abcabcabcabc",
        "Welcome2024!", "!!admin!!2024", "zyxwvutsrqpo", "1q2w3e4r5t", "woaini1314520", "Beijing2008",
    ],
)  # fmt: skip
def test_what_is_guessed_first_is_refused(password: str) -> None:
    assert too_common(password.casefold())


@pytest.mark.parametrize(
    "password", ["correct-horse-7", "tieguanyin 8 cups", "冬天里的一把火烧云", "vK3#mmq!x9"]
)
def test_what_nobody_guesses_is_not(password: str) -> None:
    assert not too_common(password.casefold())


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("vK3#mmq!x9", "PASSWORD_TOO_SHORT"),
        ("password2024", "PASSWORD_TOO_COMMON"),
        ("i-am-wangfang-88", "PASSWORD_HAS_NAME"),
        ("FANG.from.sales", "PASSWORD_HAS_NAME"),
        ("stolen-one-2019", "PASSWORD_BREACHED"),
    ],
)
async def test_each_refusal_has_its_reason(tmp_path: Path, password: str, reason: str) -> None:
    path = hashes(tmp_path, ["stolen-one-2019"])
    with pytest.raises(AppError) as refused:
        await Policy(12, path).require(password, ["fang.wang", "WangFang@example.com"], "new_password")
    assert refused.value.reason == reason
    assert password not in str(refused.value)


def hashes(directory: Path, passwords: list[str]) -> Path:
    lines = sorted(hashlib.sha1(one.encode()).hexdigest().upper() + ":7" for one in passwords)
    path = directory / "hashes.txt"
    path.write_text("".join(f"{line}\r\n" for line in lines))
    return path


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=30, unique=True), st.text(max_size=8))
def test_the_file_is_bisected_to_every_line_of_it(
    tmp_path_factory: pytest.TempPathFactory, known: list[str], other: str
) -> None:
    path = hashes(tmp_path_factory.mktemp("breached"), known)
    assert all(listed(path, one) for one in known)
    assert listed(path, other) is (other in known)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "Firefox on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Version/17 Safari/605",
            "Safari on macOS",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) CriOS/130 Safari", "Chrome on iPhone"),
        ("<script>", ""),
    ],
)
def test_devices_are_told_in_words(agent: str, device: str) -> None:
    assert described(agent) == device
