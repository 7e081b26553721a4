"""Keep files and functions readable: fewer than 400 lines per file, at most 80 per function.

Migrations are exempt: each is one long list of statements that nobody changes again.
"""

import ast
import subprocess
import sys
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 80


def main() -> int:
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py", "*.proto"]
    names = subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0")
    paths = [Path(name) for name in sorted(filter(None, names)) if "/migrations/" not in name]
    found = [line for path in paths if path.exists() for line in _check(path)]
    print("\n".join(found) or "sizes: fine")
    return 1 if found else 0


def _check(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    count = text.count("\n")
    found = [f"{path}: {count} lines; fewer than {FILE_LINES}, please"] if count >= FILE_LINES else []
    if path.suffix == ".py":
        found += _long_functions(path, text)
    return found


def _long_functions(path: Path, text: str) -> list[str]:
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    sizes = ((node, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions)
    return [
        f"{path}:{node.lineno}: {node.name} has {size} lines; at most {FUNCTION_LINES}, please"
        for node, size in sizes
        if size > FUNCTION_LINES
    ]


if __name__ == "__main__":
    sys.exit(main())
