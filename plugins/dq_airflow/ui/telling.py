"""What was done on a page, told to the DAGs that wait for it."""

from __future__ import annotations

import logging
from typing import Any

from dq_airflow import assets

log = logging.getLogger(__name__)


def tell(process: str, kind: assets.Kind, extra: dict[str, Any]) -> None:
    """Emit the asset's event. What was done stands either way: the DAGs that wait also look by time."""
    try:
        if not assets.announce(process, kind, extra):
            log.info("%s: nothing waits for %s yet", process, kind)
    except Exception:
        log.exception("%s: %s could not be announced", process, kind)
