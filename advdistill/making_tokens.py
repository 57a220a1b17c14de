"""The maker of a pool's token ids, made once for every student that shares a tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from advdistill import stages
from advdistill.answers import AnswerFormat
from advdistill.errors import DataError
from advdistill.interfaces import Student, Watch
from advdistill.making import Meta, PromptsInStep, shard_file, shard_files
from advdistill.records import Response
from advdistill.shards import each_shard
from advdistill.tables import read_table
from advdistill.tokens import Tokenised, TokenTable, read_tokens, tokens_file


@dataclass(frozen=True, kw_only=True)
class MakeTokens:
    """`shards/00000.arrow` and on, numbered as those of the responses.

    A shard that is there is not tokenised again.
    """

    student: Student
    answer_format: AnswerFormat
    prompts: Path
    responses: Path
    processes: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        (draft / "shards").mkdir(exist_ok=True)
        shards = len(shard_files(self.responses))
        work = _Tokenising(
            student=self.student,
            answer_format=self.answer_format,
            prompts=self.prompts,
            responses=self.responses,
            tokens=draft,
        )
        total = _Counts(prompts=0, answers=0, prompt_tokens=0, answer_tokens=0)
        for done, counts in enumerate(each_shard(work, shards, processes=self.processes), 1):
            total += counts
            watch.report({"answer_tokens": counts.answer_tokens / max(counts.answers, 1)}, done)
            watch.progress(done, shards)
        return {
            "line": f"{total.prompt_tokens + total.answer_tokens} tokens = {total.prompt_tokens} "
            f"of {total.prompts} prompts + {total.answer_tokens} of {total.answers} answers",
            "answers": total.answers,
        }


@dataclass(frozen=True, kw_only=True)
class _Counts:
    """What a shard's file holds."""

    prompts: int
    answers: int
    prompt_tokens: int
    answer_tokens: int

    @classmethod
    def of(cls, table: TokenTable) -> _Counts:
        lengths = table.lengths
        return cls(
            prompts=table.prompts,
            answers=len(lengths) - table.prompts,
            prompt_tokens=int(lengths[: table.prompts].sum()),
            answer_tokens=int(lengths[table.prompts :].sum()),
        )

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            prompts=self.prompts + other.prompts,
            answers=self.answers + other.answers,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            answer_tokens=self.answer_tokens + other.answer_tokens,
        )


@dataclass(frozen=True, kw_only=True)
class _Tokenising:
    """Writes the token ids of a shard; gives back how many there are."""

    student: Student
    answer_format: AnswerFormat
    prompts: Path
    responses: Path
    tokens: Path

    @contextmanager
    def open(self) -> Iterator[Callable[[int], _Counts]]:
        prompts = PromptsInStep(self.prompts)
        tokenise = self.student.tokeniser(self.answer_format)

        def tokenised(number: int) -> _Counts:
            path = tokens_file(self.tokens, number)
            if not _is_whole(path):
                columns = ["prompt_id", "sample", "text"]
                table = read_table(shard_file(self.responses, number), Response, columns)
                names, samples, texts = (table[column].to_pylist() for column in columns)
                asked = prompts.of(names)
                ids = stages.tokenise(tokenise, list(asked.values()), texts)
                Tokenised(
                    prompt_ids=list(asked),
                    prompts=ids[0],
                    answered=names,
                    samples=samples,
                    answers=ids[1],
                ).write(path)
            return _Counts.of(read_tokens(path))

        yield tokenised


def _is_whole(path: Path) -> bool:
    try:
        read_tokens(path)
    except (FileNotFoundError, DataError):
        return False
    return True
