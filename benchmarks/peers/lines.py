"""How the programs of this folder talk: a request a line in, an answer a line out, arrays in `.npy` files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def serve(ready: Callable[[], tuple[dict[str, Any], Answer]]) -> None:
    """Say what there is, then answer each line until the input ends; what libraries print goes to the errors."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    said, answer = ready()
    print(json.dumps(said), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=out, flush=True)
