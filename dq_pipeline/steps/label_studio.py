"""The review queue to Label Studio and back: all of a file is taken, or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from dq_pipeline.errors import StateError
from dq_pipeline.ports import World
from dq_pipeline.process import Process
from dq_pipeline.records import Opinion, Review
from dq_pipeline.steps.clock import utc_now
from dq_pipeline.steps.judge import decider, opinion
from dq_pipeline.steps.reviews import details
from dq_pipeline.wire.label_studio import Annotation, Reader, Task
from dq_pipeline.wire.label_studio_form import Problem
from dq_pipeline.wire.label_studio_tasks import task_of


def to_label_studio(world: World, process: str, *, limit: int = 200) -> list[dict[str, Any]]:
    """What waits, by priority, as tasks with their curves; a sample whose recording is gone is left out."""
    settings = world.process(process)
    rows = world.ledger.reviews(process, limit=limit)
    return [task_of(settings, item) for item in details(world, settings, rows) if item["curves"] is not None]


def from_label_studio(world: World, process: str, tasks: object, *, who: str) -> dict[str, Any]:
    """Take the opinions of an annotated file: all of them, or, where anything is wrong with it, none.

    Taking the same file twice changes nothing. Two annotations of one task are the opinions of two people, whether
    they agree or not.

    Parameters
    ----------
    tasks
        The parsed file, such as `[{"data": {"review": 7}, "annotations": [...]}]`.
    who
        Whose opinion it is where an annotation does not say.

    Returns
    -------
    dict
        `taken`: new opinions; `tasks`: how many were read; `unannotated`: of them, those nobody has looked at;
        `problems`: `task`, `path` and `problem` of each. With any problem nothing is changed.
    """
    settings = world.process(process)
    reader = Reader(settings)
    read = reader.tasks(tasks)
    chosen = _Chosen(world, settings, reader.problems, who)
    said = chosen.opinions(read)
    told: dict[str, Any] = {"process": process, "taken": 0, "tasks": len(read)}
    told["unannotated"] = sum(not task.annotations for task in read)
    if not chosen.problems:
        rows = [(one, opinions, decider(world, settings, opinions[0].sample_id)) for one, opinions in said.items()]
        try:
            told["taken"] = sum(new for _, new in world.ledger.judge(process, rows, utc_now()))
        except StateError as error:  # somebody was faster than this file
            chosen.problems.append(Problem(None, "$", str(error)))
    told["problems"] = [{"task": p.task, "path": p.path, "problem": p.problem} for p in chosen.problems]
    return told


class _Chosen:
    """Tasks as opinions on reviews, with what is wrong with them."""

    def __init__(self, world: World, process: Process, problems: list[Problem], who: str) -> None:
        self._world, self._process, self.problems, self._who = world, process, problems, who

    def opinions(self, tasks: Sequence[Task]) -> dict[int, list[Opinion]]:
        """New opinions by review."""
        names = [task.sample_id for task in tasks if task.sample_id is not None]
        of_sample = self._world.ledger.reviews_of(self._process.name, names)
        rows = [(task, row) for task in tasks if (row := self._review(task, of_sample)) is not None]
        before = self._world.ledger.opinions(self._process.name, [row.id for _, row in rows])
        found: dict[int, list[Opinion]] = defaultdict(list)
        seen: dict[int, str] = {}
        for task, row in rows:
            if row.id in seen:
                self._say(task, task.path, f"expected each sample once; {row.sample_id} stands at {seen[row.id]} too")
                continue
            seen[row.id] = task.path
            known = {one.token for one in before.get(row.id, ())}
            judged = {one.who for one in before.get(row.id, ()) if one.action != "skip"}
            for annotation in task.annotations:
                if annotation.token in known:
                    continue
                one = self._opinion(task, row, annotation)
                if one is None:
                    continue
                if row.state != "waiting":
                    wanted = "expected a review that waits"
                    self._say(task, annotation.path, f"{wanted}; {row.id} is settled: {row.outcome}")
                elif one.action != "skip" and one.who in judged:
                    self._say(task, annotation.path, f"expected one opinion of each person; found another of {one.who}")
                judged |= {one.who} if one.action != "skip" else set()
                found[row.id].append(one)
        return dict(found)

    def _review(self, task: Task, of_sample: dict[str, tuple[Review, ...]]) -> Review | None:
        """The review that a task is about: the one it names, or the sample's newest."""
        if task.process is not None and task.process != self._process.name:
            self._say(task, f"{task.path}.data.process", f"expected {self._process.name}; found {task.process!r}")
            return None
        if task.sample_id is None:
            self._say(task, f"{task.path}.data.sample_id", "expected the id of a sample; found none")
            return None
        rows = [row for row in of_sample.get(task.sample_id, ()) if row.state != "refused"]
        named = [row for row in rows if row.id == task.review] if task.review is not None else rows
        if not named:
            other = f"review {task.review} of {task.sample_id!r}" if rows else repr(task.sample_id)
            self._say(task, f"{task.path}.data.sample_id", f"expected a sample of the queue; found {other}")
            return None
        return named[-1]

    def _opinion(self, task: Task, row: Review, annotation: Annotation) -> Opinion | None:
        if annotation.action == "correct" and annotation.value is None:
            return None  # said already
        evidence = {
            "from": "label studio",
            "annotation": annotation.ident,
            "regions": [dict(region) for region in annotation.regions],
            "lead_time_s": annotation.lead_time_s,
            "annotated_at": annotation.at,
        }
        try:
            return opinion(
                self._world,
                self._process,
                row,
                who=annotation.who or self._who,
                action=annotation.action,
                value=annotation.value,
                confidence=annotation.confidence,
                why=annotation.why,
                token=annotation.token,
                evidence={name: value for name, value in evidence.items() if value not in (None, "", [])},
            )
        except StateError as error:
            problem = str(error)
            if not any(known.path.startswith(annotation.path) for known in self.problems):
                self._say(task, annotation.path, problem)
            return None

    def _say(self, task: Task, path: str, problem: str) -> None:
        self.problems.append(Problem(task.number, path, problem))
