from __future__ import annotations

import secrets
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dq_pipeline.adapters.lake import FsspecLake
from dq_pipeline.errors import ConfigurationError


@pytest.fixture(params=["folder", "file", "memory"])
def lake(request, tmp_path) -> FsspecLake:
    folder = tmp_path / "a lake, with spaces"
    uris = {"folder": str(folder), "file": f"file://{folder}", "memory": f"memory://{secrets.token_hex(4)}/lake"}
    return FsspecLake(uris[request.param])


def test_a_file_comes_back_by_uri_and_by_path(lake):
    uri = lake.put("vacuum/b 1/raw.bin", b"one")
    assert lake.get(uri) == lake.get("vacuum/b 1/raw.bin") == b"one"
    assert lake.exists(uri)
    assert lake.path(uri) == "vacuum/b 1/raw.bin"
    assert FsspecLake(lake.uri).get(uri) == b"one"


def test_writing_again_replaces(lake):
    lake.put("p/a", b"one")
    lake.put("p/a", b"two")
    assert lake.get("p/a") == b"two"
    assert lake.list() == ("p/a",)


def test_what_is_not_there(lake):
    with pytest.raises(FileNotFoundError):
        lake.get("p/nothing")
    assert not lake.exists("p/nothing")
    assert lake.list("p") == ()
    lake.remove("p/nothing")


def test_list_and_remove(lake):
    for path in ("p/b/2", "p/b/1", "p/a", "q/a"):
        lake.put(path, b"")
    assert lake.list("p") == ("p/a", "p/b/1", "p/b/2")
    lake.remove("p/b")
    assert lake.list() == ("p/a", "q/a")
    lake.remove("p/a")
    assert lake.list() == ("q/a",)


@pytest.mark.parametrize("path", ["../x", "p/../../x", "", "p//x", "p/./x", "p/", "p\\x", "p/\0"])
def test_paths_stay_in_the_lake(lake, path):
    with pytest.raises(ConfigurationError, match="Expected a path in the lake"):
        lake.put(path, b"")
    with pytest.raises(ConfigurationError):
        lake.get(path)


@given(st.text(max_size=20))
def test_no_path_escapes(tmp_path_factory, path):
    folder = tmp_path_factory.mktemp("root")
    lake = FsspecLake(str(folder / "lake"))
    try:
        lake.put(path, b"x")
    except (ConfigurationError, OSError, UnicodeEncodeError):
        pass
    else:
        assert lake.get(path) == b"x"
    assert {item.name for item in folder.iterdir()} <= {"lake"}


def test_another_lake_is_not_read(lake, tmp_path):
    for uri in ("s3://other/file", str(tmp_path / "elsewhere"), f"{lake.uri}-2/p/a"):
        with pytest.raises(ConfigurationError, match=r"DQ_LAKE_URI|fsspec"):
            lake.get(uri)


def test_folders(lake, tmp_path):
    source, target = tmp_path / "source", tmp_path / "to" / "target"
    (source / "sub").mkdir(parents=True)
    (source / "model.ubj").write_bytes(b"model")
    (source / "sub" / "scorer.npz").write_bytes(b"scorer")
    uri = lake.put_folder("vacuum/releases/1", source)
    (source / "model.ubj").unlink()
    lake.put_folder("vacuum/releases/2", source)
    target.mkdir(parents=True)
    (target / "stale").write_bytes(b"")
    lake.get_folder(uri, target)
    assert {str(file.relative_to(target)): file.read_bytes() for file in target.rglob("*") if file.is_file()} == {
        "model.ubj": b"model",
        "sub/scorer.npz": b"scorer",
    }
    lake.put_folder("vacuum/releases/1", source)
    assert lake.list("vacuum/releases/1") == ("vacuum/releases/1/sub/scorer.npz",)
    assert [item.name for item in target.parent.iterdir()] == ["target"]
    with pytest.raises(FileNotFoundError):
        lake.get_folder("vacuum/releases/3", tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        lake.put_folder("vacuum/releases/3", tmp_path / "none")


def test_a_reader_never_sees_half_a_file(tmp_path):
    lake = FsspecLake(str(tmp_path))
    sizes = (100_000, 3_000_000)
    lake.put("p/a", b"x" * sizes[0])
    done = threading.Event()
    seen: set[int] = set()

    def read() -> None:
        while not done.is_set():
            seen.add(len(lake.get("p/a")))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(30):
        lake.put("p/a", b"x" * sizes[turn % 2])
    done.set()
    reader.join()
    assert seen <= set(sizes)


def test_a_failed_write_leaves_nothing(tmp_path):
    lake = FsspecLake(str(tmp_path / "lake"))
    lake.put("p/a", b"one")
    with pytest.raises(TypeError):
        lake.put("p/a", "text")  # type: ignore[arg-type]
    assert lake.get("p/a") == b"one"
    assert [item.name for item in (tmp_path / "lake" / "p").iterdir()] == ["a"]


def test_a_missing_driver_is_named():
    with pytest.raises(ConfigurationError, match=r"nosuch.*DQ_LAKE_URI"):
        FsspecLake("nosuch://bucket").put("a", b"")
