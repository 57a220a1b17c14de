"""The W&B server of whoever is logged in; imports W&B, and is imported late."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import wandb
from wandb.apis.public import Run
from wandb.apis.public.runs import RunNotFoundError
from wandb.errors import CommError, Error, UsageError

from advdistill.errors import AdvDistillError, ConfigError, StageError
from advdistill.offline_runs import OfflineRun, Told
from advdistill.uploading import Held

_ANSWER_SECONDS = 30
_SEND_SECONDS = 3600
"""How long one run's upload may take, its student included."""

_SYNC = (sys.executable, "-P", "-m", "wandb", "sync", "--include-synced")
"""W&B's own command; its marks of what is synced are not trusted, see `uploading`."""

_OURS = ("WANDB_MODE", "WANDB_SERVICE")
"""What the command must not see: it would stay offline, or join the service of this process, which
looks for files from where this process stands."""


class WandbServer:
    """The server that `wandb login` or WANDB_BASE_URL names."""

    def __init__(self, api: wandb.Api, sync: Sequence[str] = _SYNC) -> None:
        self._api = api
        self._sync = sync

    @property
    def entity(self) -> str:
        """The account or team that runs belong to unless they say otherwise."""
        with answering():
            entity = self._api.default_entity
        if entity is None:
            raise ConfigError(
                "W&B: the account has no default team; wanted one to upload to; set it on the "
                "account's page, or give tracking.entity=TEAM to the runs"
            )
        return entity

    def held(self, told: Told) -> Held | None:
        """Return what it holds of the run; None if it does not know it."""
        with answering():
            run = self._run(told)
            return run and Held(
                address=run.url,
                finished=run.state == "finished",
                summary=dict(run.summary_metrics),
                artifacts=frozenset(name for name in told.artifacts if self._has(told, name)),
            )

    def send(self, run: OfflineRun) -> None:
        """Send the run by W&B's own command, from where the paths of its artifacts start."""
        try:
            done = subprocess.run(
                [*self._sync, str(run.folder)],
                cwd=run.outputs,
                env={name: one for name, one in os.environ.items() if name not in _OURS},
                capture_output=True,
                text=True,
                timeout=_SEND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StageError(
                f"run {run.told.run_id}: `wandb sync` did not end within {_SEND_SECONDS} s; it is "
                "not marked as uploaded: give the same command again on a better connection"
            ) from error
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise StageError(
                f"run {run.told.run_id}: `wandb sync` ended with {done.returncode} "
                f"({' '.join(said)}); it is not marked as uploaded: give the same command again"
            )

    def link(self, told: Told) -> None:
        """Say of which artifacts the run made others."""
        used = dict.fromkeys(name for inputs in told.artifacts.values() for name in inputs)
        with answering():
            run = self._api.run(f"{self._project(told)}/{told.run_id}")
            for name in used:
                run.use_artifact(self._api.artifact(self._artifact(told, name)))

    def _run(self, told: Told) -> Run | None:
        self._api.flush()
        try:
            return self._api.run(f"{self._project(told)}/{told.run_id}")
        except CommError as error:
            if isinstance(error.exc, RunNotFoundError):  # also where there is no such project yet
                return None
            raise

    def _has(self, told: Told, name: str) -> bool:
        """Return whether an artifact is there whole, whichever run sent it: its name is unique."""
        path = self._artifact(told, name)
        return self._api.artifact_exists(path) and self._api.artifact(path).state == "COMMITTED"

    def _artifact(self, told: Told, name: str) -> str:
        return f"{self._project(told)}/{name}:latest"

    def _project(self, told: Told) -> str:
        return f"{told.entity or self.entity}/{told.project}"


@contextmanager
def logged_in() -> Iterator[WandbServer]:
    """Yield the server of whoever is logged in; WANDB_MODE has no say, since this was asked for.

    Raises:
        ConfigError: nobody is logged in.
        StageError: the server does not answer.
    """
    mode = os.environ.pop("WANDB_MODE", None)
    try:
        wandb.setup(wandb.Settings(silent=True))
        with answering():
            if not wandb.login(prompt=False, verify=False):
                raise ConfigError(
                    "not logged in to W&B; wanted an account to upload to; `wandb login` once, or "
                    "set WANDB_API_KEY (and WANDB_BASE_URL for a server of your own)"
                )
            api = wandb.Api(timeout=_ANSWER_SECONDS)
        yield WandbServer(api)
    finally:
        if mode is not None:
            os.environ["WANDB_MODE"] = mode


@contextmanager
def answering() -> Iterator[None]:
    """Tell of a server that does not answer or does not take the login.

    Raises:
        ConfigError: the login.
        StageError: the server.
    """
    try:
        yield
    except UsageError as error:
        raise ConfigError(
            f"W&B does not take the login ({_first_line(error)}); wanted a key of this server; "
            "`wandb login --relogin`"
        ) from error
    except (Error, OSError, ValueError) as error:  # the last for an answer of another form
        if isinstance(error, AdvDistillError):
            raise
        raise StageError(
            f"W&B does not answer ({_first_line(error)}); wanted a server that takes runs; what "
            "was uploaded before stays so: look at the network, `wandb login` and WANDB_BASE_URL, "
            "then give the same command again"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
