"""What no program can know of a thing: how it was validated and how it is known to fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from dq_pipeline.errors import ConfigurationError

SECTIONS = ("benchmarks", "experiments", "messages", "tables", "lake", "features", "kinds")


@dataclass(frozen=True, slots=True)
class Known:
    """Of one thing."""

    validation: str
    failures: str
    meaning: str = ""
    unit: str = ""
    figures: tuple[str, ...] = ()


def read(text: str) -> dict[str, dict[str, Known]]:
    """Section -> name -> what is known; members of a group as `<group>/<name>`.

    Raises
    ------
    ConfigurationError
        Where validation or failures are missing.

    Examples
    --------
    >>> found = read("lake: {raw: {validation: Read back., failures: None.}}")
    >>> found["lake"]["raw"].failures
    'None.'
    """
    found: dict[str, dict[str, Known]] = {section: {} for section in SECTIONS}
    for section, things in yaml.safe_load(text).items():
        if section not in found:
            raise ConfigurationError(f"Unknown section {section!r}. Known: {', '.join(SECTIONS)}.")
        for name, thing in things.items():
            if not thing.get("validation") or not thing.get("failures"):
                raise ConfigurationError(
                    f"{section}.{name}: `validation` and `failures` expected, found {sorted(thing)}"
                )
            if "members" in thing:
                for member, told in thing["members"].items():
                    found[section][f"{name}/{member}"] = _known(thing, told)
            else:
                found[section][name] = _known(thing, thing)
    return found


def _known(thing: Mapping[str, Any], told: Mapping[str, Any] | str) -> Known:
    own = {"meaning": told} if isinstance(told, str) else told
    return Known(
        thing["validation"],
        thing["failures"],
        str(own.get("meaning", "")),
        str(own.get("unit", "")),
        tuple(own.get("figures", ())),
    )
