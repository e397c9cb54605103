"""The jars of Apache Kafka: exactly those of the committed lock, by checksum, fetched once per machine."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import tempfile
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
from jgo.env import EnvironmentBuilder, LockedDependency, LockFile
from jgo.maven import MavenContext, PythonResolver
from jgo.parse import Coordinate

from dq_pipeline.errors import ServerError

COORDINATES = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-clients:4.3.1",  # else an older one is chosen: NoSuchMethodError at the start
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # else the broker logs nothing
)
LOCK = Path(__file__).with_name("kafka.lock.toml")
CENTRAL = "https://repo.maven.apache.org/maven2"
_ATTEMPTS = 3


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
    folder = cache / "jars" / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in LockFile.load(LOCK).dependencies if _sha256(folder / _name(jar)) != jar.sha256]
    if missing:
        trusted = _trusted()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: _download(jar, repository, folder, trusted), missing))
    return folder


def lock() -> None:
    """Resolve :data:`COORDINATES` anew and write the lock: ``python -m dq_pipeline.local.jars``."""
    with tempfile.TemporaryDirectory() as draft:
        maven = MavenContext(PythonResolver(), repo_cache=Path(draft), remote_repos={"central": CENTRAL})
        builder = EnvironmentBuilder(context=maven, cache_dir=Path(draft))
        named, others = maven.resolver.resolve(
            builder._coordinates_to_dependencies([Coordinate.parse(text) for text in COORDINATES])
        )
        jars = [*named, *(item for item in others if item.scope in ("compile", "runtime"))]
        LockFile([LockedDependency.from_dependency(item) for item in jars]).save(LOCK)


def _name(jar: LockedDependency) -> str:
    return f"{jar.artifactId}-{jar.version}.{jar.packaging}"


def _download(jar: LockedDependency, repository: str, folder: Path, trusted: ssl.SSLContext) -> None:
    url = f"{repository.rstrip('/')}/{jar.groupId.replace('.', '/')}/{jar.artifactId}/{jar.version}/{_name(jar)}"
    for attempt in range(_ATTEMPTS):
        try:
            with urllib.request.urlopen(url, timeout=60, context=trusted) as answer:
                content = answer.read()
            break
        except (OSError, http.client.HTTPException) as error:
            if attempt == _ATTEMPTS - 1:
                raise ServerError(
                    f"Expected {url}; found: {error}. Check the network, or name a mirror of Maven Central in "
                    "DQ_MAVEN_URL, or a broker that runs already in KAFKA_BOOTSTRAP_SERVERS."
                ) from error
    if (found := hashlib.sha256(content).hexdigest()) != jar.sha256:
        raise ServerError(f"Expected {url} with SHA-256 {jar.sha256}; found {found}. Do not use that repository.")
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as draft:
        draft.write(content)
    Path(draft.name).replace(folder / _name(jar))


def _trusted() -> ssl.SSLContext:
    """The system's certificates, those that come with Python packages, and what pip was told to trust.

    A machine whose pip works behind a company's proxy is often told of the certificate nowhere else.
    """
    context = ssl.create_default_context()
    for file in (certifi.where(), *(os.environ.get(name) for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE"))):
        if file and Path(file).is_file():
            context.load_verify_locations(cafile=file)
    return context


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
