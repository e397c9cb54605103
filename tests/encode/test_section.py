"""`encoded` in a process file: the sensors that come of it, and what is refused."""

import copy
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dq_pipeline.encode import registry
from dq_pipeline.encode.encoder import Encoder
from dq_pipeline.errors import ProcessFileError
from dq_pipeline.process import Process
from dq_pipeline.process_file import load, parse

FILE = {
    "process": "mixed",
    "title": "Mixed",
    "stream": {"topic": "t", "labels_topic": "l"},
    "sample": {"rows": 20, "period_s": 1, "horizon_rows": 10, "profile_rows": 20},
    "sensors": {"p": {"unit": "bar", "range": [0, 10]}},
    "encoded": {
        "valve": {"encoder": "categories", "categories": ["closed", "open", 3], "aliases": ["Valve State"]},
        "log": {"encoder": "log_lines"},
        "camera": {"encoder": "image", "every_rows": 10},
    },
    "target": {"name": "y", "from": "labels"},
    "history": {"uri": "x.parquet", "id": "i"},
}


class Tone(Encoder):
    """An encoder of another package."""

    octave: int = 4

    @property
    def columns(self):
        return ()

    def measure(self, items):
        raise NotImplementedError


def _file(**change) -> dict:
    return {**copy.deepcopy(FILE), **change}


def _problems(file: dict) -> str:
    with pytest.raises(ProcessFileError) as caught:
        parse(file, "mixed.yaml")
    return str(caught.value)


def test_columns_stand_behind_the_files_own_sensors():
    process = parse(FILE, "mixed.yaml")
    assert process.sensor_names == (
        "p",
        *(f"valve_{name}" for name in ("closed", "open", "3", "other")),
        *(f"log_{name}" for name in ("lines", "warnings", "errors", "length", "templates", "delay")),
        *(f"camera_{n}" for n in ("brightness", "contrast", "sharpness", "dark", "bright", "repeated", "delay")),
    )
    assert process.sensors["valve_other"].range == (0.0, 0.5)
    assert process.sensors["camera_delay"].unit == "s"
    assert process.channels == {"valve": "valve", "Valve State": "valve", "log": "log", "camera": "camera"}
    (valve,) = process.categories.values()
    assert valve.columns == {"closed": "valve_closed", "open": "valve_open", "3": "valve_3"}
    assert valve.other == "valve_other"


def test_a_process_may_have_encoded_channels_alone():
    file = _file()
    del file["sensors"]
    assert parse(file, "mixed.yaml").sensor_names[0] == "valve_closed"


def test_rules_and_trusted_sensors_may_name_columns():
    sensors = {"p": {"unit": "bar", "range": [0, 10], "trusted": "camera_brightness"}}
    process = parse(_file(rules=["p >= 2 * valve_open"], sensors=sensors), "mixed.yaml")
    assert process.parsed_rules[0].sensors == ("p", "valve_open")
    assert "valve_shut" in _problems(_file(rules=["p >= valve_shut"]))


def test_what_decides_is_carried_and_read_again():
    process = parse(FILE, "mixed.yaml")
    deciding = process.deciding()
    assert deciding["encoded"]["camera"] == {"encoder": "image", "every_rows": 10, "max_pixels": 262_144}
    assert "aliases" not in deciding["encoded"]["valve"]
    again = Process.model_validate({**process.model_dump(by_alias=True), **deciding})
    assert again.sensor_names == process.sensor_names
    assert again.settings_hash() == process.settings_hash()
    file = _file()
    file["encoded"]["camera"]["every_rows"] = 5
    assert parse(file, "mixed.yaml").settings_hash() != process.settings_hash()
    file["encoded"] = {**_file()["encoded"], "valve": {**FILE["encoded"]["valve"], "aliases": []}}
    assert parse(file, "mixed.yaml").settings_hash() == process.settings_hash()


def test_a_process_without_channels_is_the_one_it_was():
    assert "encoded" not in load(Path("dags/processes/hydraulic.yaml")).deciding()


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"encoder": "nope"}, "encoded.valve: expected one of categories, log_lines, image"),
        ({"encoder": "os.system"}, "encoded.valve: expected one of categories"),
        ({"categories": ["a"]}, "encoded.valve.encoder: expected a value"),
        ({"encoder": "categories"}, "encoded.valve.categories: expected a value"),
        ({"encoder": "categories", "categories": ["a", "a"]}, "encoded.valve.categories: expected each category once"),
        ({"encoder": "log_lines", "colour": 1}, "encoded.valve.colour: expected a known key"),
        ({"encoder": "image", "every_rows": 0}, "encoded.valve.every_rows: expected"),
        ("categories", "encoded.valve"),
        (None, "encoded.valve"),
    ],
)
def test_an_entry_that_is_wrong_is_told_with_the_rest(entry, found):
    file = _file(title="")
    file["encoded"]["valve"] = entry
    told = _problems(file)
    assert found in told
    assert "title: expected" in told


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"sensors": {"valve_open": {"unit": "1", "range": [0, 1]}}}, "'valve_open'"),
        ({"sensors": {"valve": {"unit": "1", "range": [0, 1]}}}, "'valve'"),
        ({"sensors": {"p": {"unit": "1", "range": [0, 1], "aliases": ["log_lines"]}}}, "'log_lines'"),
        ({"sensors": {"p": {"unit": "1", "range": [0, 1], "aliases": ["Valve State"]}}}, "'Valve State'"),
        (
            {
                "encoded": {
                    "v": {"encoder": "categories", "categories": ["a_b"]},
                    "v_a": {"encoder": "categories", "categories": ["b"]},
                }
            },
            "'v_a_b'",
        ),
        ({"encoded": {"my valve": {"encoder": "log_lines"}}}, "encoded.my valve: expected a name of letters"),
        ({"encoded": []}, "encoded"),
        ({"encoded": {7: {"encoder": "log_lines"}}}, "encoded"),
        ({"sensors": []}, "sensors"),
    ],
)
def test_a_name_belongs_to_one_sensor_or_channel(change, found):
    assert found in _problems(_file(**change))


def test_an_installed_package_brings_an_encoder(monkeypatch):
    points = [
        EntryPoint("tone", "pkg:Tone", registry.GROUP),
        EntryPoint("image", "pkg:Other", registry.GROUP),
        EntryPoint("text", "json:dumps", registry.GROUP),
        EntryPoint("gone", "no_such_module:X", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])
    monkeypatch.setattr(EntryPoint, "load", lambda self: Tone if self.name == "tone" else _load(self))
    registry.find.cache_clear()
    try:
        assert registry.build("tone", {"octave": 5}) == Tone(octave=5)
        assert registry.find("image").__name__ == "Image"  # one that comes along stays
        with pytest.raises(ValueError, match="no subclass"):
            registry.find("text")
        with pytest.raises(ValueError, match="can be imported"):
            registry.find("gone")
        with pytest.raises(ValueError, match=r"one of categories, .*gone, .*text, tone"):
            registry.find("nothing")
    finally:
        registry.find.cache_clear()


_load = EntryPoint.load
