from __future__ import annotations

import pytest
from rich.table import Table
from rich.tree import Tree

from dq_pipeline.cli.terminal import answer


def test_what_messages_say_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    said = "run [bold]a[/x]"
    table = Table("name", title=said, caption=said)
    table.add_row(said)
    answer({}, False, table, Tree(said), said)
    assert capsys.readouterr().out.count(said) == 5
