"""`advdistill pool import`: the answers of a file as those of a configuration's teacher."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from advdistill.cache import writing
from advdistill.cli.composing import overrides_and_rest
from advdistill.cli.pool_settings import Asked, asked_of
from advdistill.cli.showing import short
from advdistill.errors import ConfigError, DataError
from advdistill.interfaces import Member
from advdistill.pool.formats import Format
from advdistill.pool.importing import Imported, Place, import_answers
from advdistill.pool.reading import Answer, read_answers

_MORE = """\
The settings are those of a run, which then uses the answers in place of asking its teacher. The
formats are those of `advdistill pool export`; in parquet and jsonl, `response` is the only column
that must be there, beside `messages`, `question` or `prompt_id` to find the prompt by. A column
`responses` holds several answers, texts or objects. A request without an answer is passed over.

An answer keeps its number (`sample`), or has that of its place among the answers of its prompt; if
another one stands there, all of the file's answers to this prompt move up. Reading a file again
adds nothing.

examples:
  advdistill pool import answers.parquet --format parquet +experiment=gsm8k_qwen
  advdistill pool import batch_output.jsonl --format openai-batch teacher=transformers \\
    teacher.model=FOLDER dataset=gsm8k
"""


def main(arguments: Sequence[str]) -> int:
    """Import the answers; return 0.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the file cannot be read, or none of it belongs to the prompts.
        StageError: the store cannot be written.
    """
    options = _parser().parse_intermixed_args(arguments)
    overrides, files = overrides_and_rest(options.arguments)
    if len(files) != 1:
        raise ConfigError(f"pool import: found {len(files)} files; wanted one; settings hold a `=`")
    asked = asked_of("import", overrides)
    member = _only(asked)
    folder, about = asked.store(member)
    place = Place(
        folder=folder,
        about=about,
        questions=asked.questions(),
        teacher=member.model or type(member).__name__,
    )
    with writing("pool import", folder):
        found = import_answers(place, read_answers(Path(files[0]), Format(options.format)))
    if found.first_foreign is not None and not found.matched:
        raise DataError(_no_match(files[0], found.first_foreign, asked))
    print(f"{told(found)}; store {folder.name}")
    return 0


def told(found: Imported) -> str:
    """Return the line in which every answer of the file is accounted for."""
    moved = f" ({found.shifted} of them under a later number)" * bool(found.shifted)
    first = found.first_foreign
    named = "" if first is None else f" (first: {first.where}, {_of(first)})"
    return (
        f"{found.read} answers = {found.added} added{moved} + {found.there} there already + "
        f"{found.foreign} of other prompts{named} + {found.missing} requests without an answer"
    )


def _of(answer: Answer) -> str:
    """Return what an answer says of its prompt, printable."""
    said = {"id": answer.prompt_id, "messages": answer.asked, "question": answer.question}
    named = [f"{name} {short(value, 160)}" for name, value in said.items() if value is not None]
    return ", ".join(named) or "which names no prompt"


def _no_match(file: str, first: Answer, asked: Asked) -> str:
    prompt = asked.questions()[0]
    return (
        f"{file}: no answer belongs to any of the {len(asked.prompts)} training prompts; found "
        f"{_of(first)}; wanted id {prompt.prompt.prompt_id}, messages {prompt.asked:.160}; choose "
        "its data set and answer_format, or leave the column messages out and give question"
    )


def _only(asked: Asked) -> Member:
    """Return the teacher, which is asked itself."""
    members = [member for member, _ in asked.teacher.members]
    if len(members) != 1:
        raise ConfigError(
            f"pool import: the teacher is a mixture of {len(members)}; wanted one, since each has "
            "a store; give teacher=OPTION of the part whose answers these are: its store is used "
            "by the mixture, too"
        )
    return members[0]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="advdistill pool import",
        usage="advdistill pool import FILE --format FORMAT [SETTING=VALUE ...]",
        description="Put the answers of a file into the store of a configuration's teacher.",
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "arguments", nargs="+", metavar="FILE or SETTING=VALUE", help="settings as for run.py"
    )
    parser.add_argument("--format", choices=list(Format), required=True, help="see below")
    return parser
