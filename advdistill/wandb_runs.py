"""Runs of Weights & Biases; the one file that imports it, and `tracking` imports this file late.

Whatever fails is one warning: a run is never lost because it cannot be shown.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import wandb

from advdistill.digests import files_below
from advdistill.offline_runs import Told, write_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from advdistill.tracking import Artifact, Cell

logger = logging.getLogger(__name__)

_TAG_CHARACTERS = 64
"""W&B refuses longer tags."""
_SUMMARIES = {
    "loss": "min,last",
    "dev_accuracy": "max,last",
    "gradient_norm": "max,last",
    "right_logprob": "max,last",
    "wrong_logprob": "min,last",
}
"""What the summary holds of these curves; of every other, its last number."""
_INIT_SECONDS = 30
"""How long a server may take to answer before the run goes offline."""
_FINISH_SECONDS = 600
"""How long the end of a run waits for its upload; what is left can be uploaded by `wandb sync`."""
_UPLOAD_SECONDS = 60
"""How long an artifact may take to reach the server before its lineage is given up."""
_SERVICE = "WANDB_SERVICE"
"""W&B's pointer to its service, hidden so that a process never joins one that may end before it."""


def open_run(cell: Cell, *, project: str, entity: str | None, mode: str) -> WandbTracker | None:
    """Return the cell's run, offline where online is impossible; None if neither can be opened."""
    with _environment(cell.folder):
        run = None
        if mode != "offline":
            run = _online(cell, project, entity, asked=mode == "online")
        run = run or _offline(cell, project, entity)
    return WandbTracker(run, cell.folder) if run else None


class WandbTracker:
    """An open run of W&B; its first failure is a warning, later ones are silent."""

    def __init__(self, run: wandb.Run, folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._stages: set[str] = set()
        self._digests: dict[str, str] = {}
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._logged: dict[str, wandb.Artifact] = {}
        self._summary: dict[str, float | int | str] = {}
        self._failed = False

    def log(self, stage: str, numbers: Mapping[str, float], step: int) -> None:
        """Add one step to the stage's curves, whose horizontal axis is the stage's own step."""
        with self._guard(f"curves of '{stage}'"):
            if stage not in self._stages:
                self._define(stage)
            named = {f"{stage}/{name}": number for name, number in numbers.items()}
            self._run.log({**named, f"{stage}/step": step})

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table."""
        with self._guard(f"table '{name}'"):
            table = wandb.Table(
                columns=list(columns), data=[list(row) for row in rows], allow_mixed_types=True
            )
            if self._run.offline:
                # Bound before it is logged, a table is a file of the run alone; otherwise W&B
                # also stages it as an artifact, by a path that spells this machine's folders.
                table.bind_to_run(self._run, name, self._run.step)
            self._run.log({name: table})

    def artifact(self, artifact: Artifact) -> None:
        """Add an artifact with its digest and its inputs' digests, online also as lineage."""
        with self._guard(f"artifact '{artifact.name}'"):
            metadata = {
                **artifact.metadata,
                "digest": artifact.digest,
                "inputs": {name: self._digests.get(name) for name in artifact.inputs},
            }
            self._digests[artifact.name] = artifact.digest
            draft = wandb.Artifact(artifact.name, type=artifact.type, metadata=metadata)
            # Offline, the upload starts in the outputs folder, wherever that is by then.
            _add_files(draft, artifact, self._folder if self._run.offline else Path.cwd())
            self._use(artifact.inputs)
            self._logged[artifact.name] = self._run.log_artifact(draft)
            self._inputs[artifact.name] = artifact.inputs

    def bars(self, name: str, title: str, rows: Sequence[tuple[str, float]]) -> None:
        """Add a bar chart of labelled numbers."""
        with self._guard(f"chart '{name}'"):
            table = wandb.Table(columns=["label", "value"], data=[list(row) for row in rows])
            chart = wandb.plot.bar(table, "label", "value", title=title)
            chart.set_key(name)
            if self._run.offline:  # as in `table`
                table.bind_to_run(self._run, chart.spec.table_key, self._run.step)
            self._run.log({name: chart})

    def summary(self, numbers: Mapping[str, float | int | str]) -> None:
        """Set the run's final numbers."""
        with self._guard("summary"):
            self._run.summary.update(dict(numbers))
            self._summary |= numbers

    def finish(self, *, complete: bool) -> str | None:
        """Close the run and return its folder (offline) or address (online)."""
        folder = Path(self._run.dir).parent
        address = None if self._run.offline else self._run.url
        with self._guard("end of the run"):
            self._run.finish(exit_code=0 if complete else 1)
        if address is None:
            # W&B's own logs name this machine's folders and are of no use to an upload.
            shutil.rmtree(folder / "logs", ignore_errors=True)
            if complete:
                write_told(folder, self._told())
        return address or str(folder)

    def _told(self) -> Told:
        return Told(
            run_id=self._run.id,
            project=self._run.settings.project or "",
            entity=self._run.settings.entity,
            summary=self._summary,
            artifacts=self._inputs,
        )

    def _define(self, stage: str) -> None:
        """Give the stage's curves an axis of their own, and the summary their best numbers."""
        step = f"{stage}/step"
        self._run.define_metric(f"{stage}/*", step_metric=step)
        if stage == "train":
            for name, summary in _SUMMARIES.items():
                self._run.define_metric(f"{stage}/{name}", step_metric=step, summary=summary)
        self._stages.add(stage)

    def _use(self, names: Sequence[str]) -> None:
        """Tell the server that the run read these; W&B cannot record that offline."""
        if self._run.offline or self._failed:
            return
        for name in names:
            if name in self._logged:
                self._run.use_artifact(self._logged[name].wait(timeout=_UPLOAD_SECONDS))

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        try:
            with _environment(self._folder):
                yield
        except Exception as error:  # whatever W&B raises, the pipeline goes on
            level = logging.DEBUG if self._failed else logging.WARNING
            logger.log(level, "W&B: %s not recorded (%s)", what, _first_line(error))
            self._failed = True


def _online(cell: Cell, project: str, entity: str | None, *, asked: bool) -> wandb.Run | None:
    try:
        _silence()
        if wandb.login(prompt=False, verify=False):
            return _start(cell, project, entity, mode="online")
    except Exception as error:  # as in `_guard`
        logger.warning("W&B cannot go online (%s); tracking offline", _first_line(error))
        # The run id of a failed init stays taken until W&B's service has ended.
        wandb.teardown()
        return None
    if asked:
        logger.warning("not logged in to W&B, tracking offline; `wandb login` changes that")
    return None


def _offline(cell: Cell, project: str, entity: str | None) -> wandb.Run | None:
    try:
        _silence()
        _remove_unfinished(cell)
        return _start(cell, project, entity, mode="offline")
    except Exception as error:  # as in `_guard`
        logger.warning("W&B does not start (%s); nothing is tracked", _first_line(error))
        return None


def _start(
    cell: Cell, project: str, entity: str | None, *, mode: Literal["online", "offline"]
) -> wandb.Run:
    cell.folder.mkdir(parents=True, exist_ok=True)
    return wandb.init(
        project=project,
        entity=entity,
        mode=mode,
        dir=str(cell.folder.absolute()),
        id=cell.run_id,
        name=cell.name,
        group=cell.group,
        job_type=cell.job.value,
        tags=[tag[:_TAG_CHARACTERS] for tag in cell.tags],
        config=dict(cell.config),
        reinit="create_new",
        settings=_settings(),
    )


def _settings() -> wandb.Settings:
    """Return settings that keep machine, program, environment and console out of the record."""
    return wandb.Settings(
        silent=True,
        console="off",
        host="",
        program="advdistill",
        symlink=False,
        use_dot_wandb=False,
        save_code=False,
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT") or _INIT_SECONDS),
        finish_timeout=_FINISH_SECONDS,
    )


def _silence() -> None:
    """Start W&B's session without its messages; what matters is logged here."""
    wandb.setup(wandb.Settings(silent=True))


def _add_files(draft: wandb.Artifact, artifact: Artifact, start: Path) -> None:
    """Add the files where they lie, uncopied and by their path from `start`.

    An artifact without files is its bare digest.
    """
    if not artifact.files:
        # W&B takes artifacts of equal content for one; without this, all empty ones are equal.
        draft.add_reference(f"advdistill://{artifact.digest}", name="digest", checksum=False)
        return
    root = os.path.commonpath([path if path.is_dir() else path.parent for path in artifact.files])
    for path in artifact.files:
        for file in files_below(path) if path.is_dir() else [path]:
            name = file.relative_to(root).as_posix()
            entry = draft.add_file(str(file), name, skip_cache=True, policy="immutable")
            entry.local_path = os.path.relpath(file, start)


def _remove_unfinished(cell: Cell) -> None:
    for folder in (cell.folder / "wandb").glob(f"offline-run-*-{cell.run_id}"):
        shutil.rmtree(folder)


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Keep W&B's caches below `folder` and send no crash reports, unless the person set it."""
    place = str((folder / "wandb" / "cache").absolute())
    wanted = {"WANDB_DATA_DIR": place, "WANDB_CACHE_DIR": place, "WANDB_ERROR_REPORTING": "false"}
    before = {name: os.environ.get(name) for name in (*wanted, _SERVICE)}
    os.environ.pop(_SERVICE, None)
    os.environ.update({name: before[name] or value for name, value in wanted.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
