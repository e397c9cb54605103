from __future__ import annotations

from pathlib import Path

import pytest

from dq_pipeline.demo import fresh


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in fresh.HELD:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text(name)
    return tmp_path


def test_what_somebody_else_left_is_moved_aside(data):
    said: list[str] = []
    fresh.begin_anew(data, said.append)
    assert not any((data / name).exists() for name in fresh.HELD)
    (kept,) = (data / "kept").iterdir()
    assert {name: (kept / name / "file").read_text() for name in fresh.HELD} == {name: name for name in fresh.HELD}
    assert str(kept) in said[0]


def test_what_a_demo_left_is_gone(data):
    fresh.begin_anew(data, lambda _: None)
    for name in fresh.HELD:
        (data / name).mkdir(parents=True)
    fresh.begin_anew(data, lambda _: None)
    assert not any((data / name).exists() for name in fresh.HELD)
    assert len(list((data / "kept").iterdir())) == 1


def test_an_empty_folder_is_begun_without_a_word(tmp_path):
    said: list[str] = []
    fresh.begin_anew(tmp_path / "var", said.append)
    assert said == []
