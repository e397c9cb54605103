"""A bad process file stops its own process, and nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from .platform import Line, Platform, until, write_process

pytestmark = pytest.mark.live


def test_a_bad_process_file_is_an_import_error_and_the_others_go_on(
    platform: Platform, pump: Line, tmp_path: Path
) -> None:
    airflow, folder = platform.airflow, platform.process_dir
    assert airflow.broken_files() == {}
    file = folder / "crooked.yaml"
    write_process(tmp_path, "crooked", tmp_path / "history.parquet", sample={"horizon_rows": "many"})
    file.write_text((tmp_path / "crooked.yaml").read_text())
    try:
        broken = until(airflow.broken_files, "the import error")
        ((where, text),) = broken.items()
        assert where.endswith("process_files.py")
        for word in (str(file), "sample.horizon_rows: expected", "found 'many'"):
            assert word in text
        pump.feed(pump.fresh(12))
        assert not airflow.has("crooked_deployment")
        assert airflow.has(pump.dag)
    finally:
        file.unlink()
    until(lambda: not airflow.broken_files(), "no import error any more")
