"""What the page on channels quotes is so."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dq_pipeline.channels import MAX_ITEMS
from dq_pipeline.encode import DELAY, Column, Encoder, Item
from dq_pipeline.encode.log_lines import LONGEST
from dq_pipeline.encode.pixels import MOST_PIXELS
from dq_pipeline.encode.placing import placed
from dq_pipeline.encode.registry import GROUP
from dq_pipeline.process import Process
from dq_pipeline.process_file import parse
from dq_pipeline.wire import decode
from dq_pipeline.wire.envelope import MAX_CHANNELS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "channels.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def process() -> Process:
    return parse(
        {
            "process": "press",
            "title": "Press",
            "stream": {"topic": "t", "labels_topic": "l"},
            "sample": {"rows": 60, "period_s": 1, "horizon_rows": 40, "profile_rows": 60},
            "sensors": {"pressure": {"unit": "bar", "range": [0, 100]}},
            "target": {"name": "y", "from": "labels"},
            "history": {"uri": "x.parquet", "id": "i"},
            **yaml.safe_load(block("yaml")),
        },
        "press.yaml",
    )


def test_the_entry_shown_makes_the_sensors_named() -> None:
    table = PAGE.split("| encoder | sensors |")[1].split("All options")[0]
    cells = [row.split("|")[2] for row in table.splitlines() if row.startswith("|")]
    named = re.findall(r"`((?:valve|log|camera)_\w+)`", "\n".join(cells))
    assert ["pressure", *named] == list(process().sensor_names)


def test_the_message_shown_is_one() -> None:
    frame = base64.b64encode(b"\x89PNG").decode()
    fields = json.loads("{" + block("text").replace("iVBORw0KGgo...", frame) + "}")
    start = "2026-07-01T10:00:00Z"
    head = {"version": 1, "process": "press", "sample_id": "a", "source": "s", "kind": "horizon", "start": start}
    message = decode(json.dumps({**head, **fields}).encode(), None, process())
    assert message.unknown == ()
    assert message.recording.channels["valve"].items == ("closed", "open", None)
    assert message.recording.channels["log"].items[1] == "WARN seal 3"


def test_the_encoder_shown_works() -> None:
    names: dict[str, Any] = {"base64": base64, "np": np, "DELAY": DELAY, "Column": Column, "Encoder": Encoder}
    names |= {"Item": Item, "NDArray": NDArray, "Sequence": Sequence}
    exec(compile(block("python"), "channels.md", "exec"), names)  # noqa: S102 -- the page's own example
    tone = names["Tone"](loudest=0.5)
    sounds = [base64.b64encode(bytes([0, 255] * 4)).decode(), base64.b64encode(bytes(8)).decode()]
    found = placed(sounds, np.array([0.0, 2.0]), tone, 3, 1.0)
    np.testing.assert_allclose(found, [[0.5, 0], [np.nan, np.nan], [0, 0]])
    assert f'"{GROUP}"' in block("toml")


def test_the_limits_told_are_those() -> None:
    told = " ".join(PAGE.split())
    assert f"A channel holds {MAX_ITEMS:,} items" in told
    assert f"{MAX_CHANNELS} channels" in told
    assert f"at most {MOST_PIXELS / 1e6:.0f} million" in told
    assert f"Of a line, {LONGEST:,} letters" in told
