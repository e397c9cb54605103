"""The jars of Apache Kafka: exactly those of the committed lock, by checksum, fetched once per machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jgo.env import LockFile
from jgo.maven import MavenContext, PythonResolver

from dq_pipeline.errors import ServerError

COORDINATES = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-clients:4.3.1",  # else an older one is chosen: NoSuchMethodError at the start
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # else the broker logs nothing
)
LOCK = Path(__file__).with_name("kafka.lock.toml")
CENTRAL = "https://repo.maven.apache.org/maven2"


def cache_dir(var: Path, environment: Mapping[str, str]) -> Path:
    """Where downloads are kept: ``DQ_CACHE_DIR``, else the home's cache, else (no home to write to) `var`.

    It outlives `var` and the virtual environment, so that a fresh checkout downloads nothing again.
    """
    named = environment.get("DQ_CACHE_DIR")
    home = environment.get("XDG_CACHE_HOME") or (f"{environment['HOME']}/.cache" if environment.get("HOME") else "")
    for folder in (Path(named) if named else None, Path(home) / "dq-pipeline" if home else None):
        if folder is not None and _writable(folder):
            return folder.resolve()
    return var / "cache"


def fetch(cache: Path, repository: str = CENTRAL) -> Path:
    """Make the folder of the locked jars complete, and return it.

    Parameters
    ----------
    repository
        A Maven repository: Central, or a mirror of it.

    Raises
    ------
    ServerError
        A jar cannot be fetched, or is not the one that was locked.
    """
    lock = LockFile.load(LOCK)
    folder = cache / "jars" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{item.artifactId}-{item.version}.jar": item for item in lock.dependencies}
    missing = [name for name, item in wanted.items() if _sha256(folder / name) != item.sha256]
    if not missing:
        return folder
    with tempfile.TemporaryDirectory(dir=cache) as draft, ThreadPoolExecutor(8) as pool:
        maven = MavenContext(
            PythonResolver(), repo_cache=Path(draft), remote_repos={"central": repository.rstrip("/")}, timeout=60
        )

        def fetch_one(name: str) -> None:
            item = wanted[name]
            component = maven.project(item.groupId, item.artifactId).at_version(item.version)
            try:
                file = component.artifact().resolve()
            except (OSError, RuntimeError) as error:
                raise ServerError(
                    f"Expected {name} at {repository}; found none: {error}. Check the network, or name a mirror in "
                    "DQ_MAVEN_URL, or a broker that runs already in KAFKA_BOOTSTRAP_SERVERS."
                ) from error
            if (found := _sha256(file)) != item.sha256:
                raise ServerError(f"Expected {name} with SHA-256 {item.sha256}; {repository} gave {found}.")
            file.replace(folder / name)

        list(pool.map(fetch_one, missing))
    return folder


def lock() -> None:
    """Resolve :data:`COORDINATES` anew and write the lock: ``python -m dq_pipeline.local.jars``."""
    from jgo.env import EnvironmentBuilder, LockedDependency
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as draft:
        maven = MavenContext(PythonResolver(), repo_cache=Path(draft), remote_repos={"central": CENTRAL})
        builder = EnvironmentBuilder(context=maven, cache_dir=Path(draft))
        named, others = maven.resolver.resolve(
            builder._coordinates_to_dependencies([Coordinate.parse(text) for text in COORDINATES])
        )
        jars = [*named, *(item for item in others if item.scope in ("compile", "runtime"))]
        LockFile([LockedDependency.from_dependency(item) for item in jars]).save(LOCK)


def _sha256(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            return os.access(folder, os.W_OK)
    except OSError:
        return False


if __name__ == "__main__":
    lock()
