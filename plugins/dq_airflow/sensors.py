"""The sensor that begins every deployment run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import StartTriggerArgs

if TYPE_CHECKING:
    from airflow.sdk import Context

TRIGGER = "dq_airflow.triggers.MicroBatchTrigger"


class MicroBatchSensor(BaseSensorOperator):
    """Waits for the next micro-batch in the triggerer, from start to end: it takes no worker.

    Its result is a dict: `fire` (whether there is something to pull; False where the wait ended because the process
    file changed), `state`, `why` and `lag`.

    Parameters
    ----------
    process
        The process' name.
    poll_s
        Seconds between two looks.
    rest_s
        The wait ends after so long even if nothing came.
    """

    template_fields = ()
    ui_color = "#e6f1f2"

    def __init__(self, *, process: str, poll_s: float = 1.0, rest_s: float = 3600.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.process = process
        self.trigger_kwargs: dict[str, Any] = {"process": process, "poll_s": poll_s, "rest_s": rest_s}
        self.start_from_trigger = True
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=TRIGGER,
            trigger_kwargs={**self.trigger_kwargs, "ends_task": True},
            next_method="execute_complete",
            next_kwargs=None,
            timeout=None,
        )

    def execute(self, context: Context) -> NoReturn:  # noqa: ARG002
        """Where the task was given to a worker all the same: wait in the triggerer, and come back."""
        from dq_airflow.triggers import MicroBatchTrigger

        self.defer(trigger=MicroBatchTrigger(**self.trigger_kwargs, ends_task=False), method_name="execute_complete")

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """What the trigger found."""
        return event
