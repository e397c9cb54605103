"""The files a catalog is made of, where the platform runs from a checkout; without one, those of the package alone."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

PATTERNS = ("benchmarks/*.py", "dq_pipeline/experiments/*.py", "docs/results.json", "docs/results/*.json")
ROOT = Path(__file__).resolve().parents[2]


class Checkout:
    """Files of a checkout with their digests and commits.

    Parameters
    ----------
    root
        The folder that holds `benchmarks` and `docs`; the one that this package is in, by default.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._commits: dict[str, str] = {}

    def known(self) -> str:
        """The package's file of what no program can know."""
        return (files("dq_pipeline.catalog") / "known.yaml").read_text(encoding="utf-8")

    def texts(self) -> dict[str, str]:
        """Path -> content of all files that entries are made of."""
        found = sorted(path for pattern in PATTERNS for path in self.root.glob(pattern))
        return {path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8") for path in found}

    def digest(self, path: str) -> str:
        """Of a file's content; empty where there is none."""
        file = self.root / path
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""

    def commit(self, path: str) -> str:
        """The last one that changed a file; empty where nobody can tell."""
        if path not in self._commits:
            self._commits[path] = self._asked(path)
        return self._commits[path]

    def _asked(self, path: str) -> str:
        git = shutil.which("git")
        if git is None or not (self.root / ".git").exists():
            return ""
        asked = [git, "-C", str(self.root), "log", "-1", "--format=%h", "--", path]
        try:
            return subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return ""
