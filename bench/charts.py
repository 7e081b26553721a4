"""Charts of a page, as Mermaid: text that repositories show as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

POINTS = 60


def lines(title: str, axis: str, unit: str, series: Mapping[str, Sequence[float]]) -> list[str]:
    """One chart with a line for each series; their names are told below, since the format has no legend."""
    length = max(map(len, series.values()))
    step = max(1, -(-length // POINTS))
    top = max((max(values, default=0.0) for values in series.values()), default=0.0)
    drawn = [
        f"  line [{', '.join(f'{value:.0f}' for value in values[::step])}]" for values in series.values()
    ]
    return [
        "",
        "```mermaid",
        "xychart-beta",
        f'  title "{title}"',
        f'  x-axis "{axis}" 0 --> {length - 1}',
        f'  y-axis "{unit}" 0 --> {max(top * 1.1, 1):.0f}',
        *drawn,
        "```",
        "",
        f"Lines: {', '.join(series)}.",
    ]
