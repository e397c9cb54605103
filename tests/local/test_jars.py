import hashlib
from pathlib import Path

import pytest
from jgo.env import LockedDependency, LockFile

from dq_pipeline.errors import ServerError
from dq_pipeline.local import jars


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Maven repository of one jar, which the lock names."""
    content = b"a jar"
    lock = tmp_path / "lock.toml"
    LockFile([LockedDependency("org.x", "thing", "1.0", sha256=hashlib.sha256(content).hexdigest())]).save(lock)
    monkeypatch.setattr(jars, "LOCK", lock)
    file = tmp_path / "repository" / "org" / "x" / "thing" / "1.0" / "thing-1.0.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return tmp_path / "repository"


def test_a_jar_is_fetched_once_and_again_when_it_is_damaged(tmp_path: Path, repository: Path) -> None:
    folder = jars.fetch(tmp_path / "cache", repository.as_uri())
    jar = folder / "thing-1.0.jar"
    assert jar.read_bytes() == b"a jar"
    jar.write_bytes(b"a j")  # a download that was cut short
    jars.fetch(tmp_path / "cache", repository.as_uri())
    assert jar.read_bytes() == b"a jar"
    assert jars.fetch(tmp_path / "cache", "file:///nowhere") == folder


def test_another_jar_than_the_locked_one_is_refused(tmp_path: Path, repository: Path) -> None:
    next(repository.rglob("*.jar")).write_bytes(b"something else")
    with pytest.raises(ServerError, match=r"thing-1\.0\.jar with SHA-256"):
        jars.fetch(tmp_path / "cache", repository.as_uri())
    assert list((tmp_path / "cache").rglob("*.jar")) == []


def test_a_repository_that_does_not_answer_is_an_error_that_says_what_to_do(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(ServerError, match="DQ_MAVEN_URL"):
        jars.fetch(tmp_path / "cache", (tmp_path / "nowhere").as_uri())


def test_the_committed_lock_names_every_coordinate_with_its_checksum() -> None:
    locked = LockFile.load(jars.LOCK).dependencies
    names = {f"{jar.groupId}:{jar.artifactId}:{jar.version}" for jar in locked}
    assert names >= set(jars.COORDINATES)
    assert all(jar.sha256 for jar in locked)


def test_downloads_go_to_the_named_folder_then_the_home_then_var(tmp_path: Path) -> None:
    var = tmp_path / "var"
    named = {"DQ_CACHE_DIR": str(tmp_path / "named"), "HOME": str(tmp_path)}
    assert jars.cache_dir(var, named) == tmp_path / "named"
    assert jars.cache_dir(var, {"HOME": str(tmp_path)}) == tmp_path / ".cache" / "dq-pipeline"
    assert jars.cache_dir(var, {"HOME": "/proc/nonexistent"}) == var / "cache"
    assert jars.cache_dir(var, {}) == var / "cache"
