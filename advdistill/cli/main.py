"""The command `advdistill`: finds the verb, and tells of every known failure in one message."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import NoReturn

from advdistill.cli.children import heed_children
from advdistill.cli.lines import discard_output
from advdistill.cli.showing import printable
from advdistill.cli.verbs import known_verb
from advdistill.errors import AdvDistillError

VERBS = {
    "judge": "judge answers: any JSON Lines with `gold` and `response`, one verdict a line",
    "validate": "check that every gold answer of an experiment passes its own verifier",
    "compare": "say what finished runs or a sweep show of checkpoints and of weightings",
    "power": "say what planned seeds and items can show, and the cheapest way to a difference",
    "audit": "look at the verdicts of a finished run, and at them under another verifier",
    "sweep": "look at multiruns: states, errors, costs; go on with one",
    "report": "write finished runs, or a sweep, as a page of verdicts, plots, tables and answers",
    "export": "write the model of a finished run with its card and what replays it",
    "pool": "list, check, fill, merge, export and import the stores of teachers' answers",
    "sync": "upload the finished offline W&B runs of a sweep or of single runs, each once",
    "wandb-dashboard": "save a W&B workspace and a report of a sweep",
    "plan": "show what a run or a sweep would make: stages, tokens, disk, memory and hours",
    "doctor": "look for every fault that is known to spoil a run, each with its remedy",
}
"""Each is a module of its name in this package, imported when it is asked for."""

_HELP = f"""usage: advdistill VERB ...

{chr(10).join(f"  {name:<15} {what}" for name, what in VERBS.items())}

examples:
  advdistill judge verifier=number answer_format=boxed rows.jsonl -o verdicts.jsonl
  advdistill validate +experiment=gsm8k_qwen dataset.path=FOLDER
  advdistill compare outputs/sweeps/quickstart/3f2a9c0d41be
  advdistill power --seeds 3,5 --items 600
  advdistill plan weighting=uniform,softmax seeds=3 --probe
  advdistill doctor +experiment=gsm8k_qwen
  advdistill audit outputs/runs/quickstart/2026-01-31_12-00-00 -o report.md
  advdistill sweep status
  advdistill report outputs/runs/quickstart/* -o report.html
  advdistill export outputs/runs/quickstart/2026-01-31_12-00-00 -o my-student
  advdistill pool ls
  advdistill sync outputs/sweeps/quickstart/3f2a9c0d41be
  advdistill wandb-dashboard outputs/sweeps/quickstart/3f2a9c0d41be

`advdistill VERB --help` says more. Settings are written as for run.py: GROUP=OPTION and
GROUP.FIELD=VALUE.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0, or 1 after a known failure, or 128 + signal when stopped."""
    verb, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    signal.signal(signal.SIGTERM, _stop)
    heed_children()
    try:
        if verb in ("--help", "-h", "help"):
            print(_HELP, end="")
            return 0
        code = import_module(f"advdistill.cli.{known_verb(verb, VERBS).replace('-', '_')}").main(
            rest
        )
        sys.stdout.flush()  # here, where a reader that has left can still be caught
        return code
    except AdvDistillError as error:
        print(f"{type(error).__name__}: {printable(str(error))}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        discard_output()  # whoever read it has seen enough
        return 0
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


def _stop(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
