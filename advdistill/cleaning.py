"""Training prompts that share a long passage with this run's evaluation sets, taken out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from advdistill.decontamination import overlaps
from advdistill.errors import DataError
from advdistill.interfaces import Watch
from advdistill.making import Meta, prompts_file, write_prompts
from advdistill.records import Prompt, Split
from advdistill.tables import read_rows


@dataclass(frozen=True, kw_only=True)
class MakeClean:
    """The splits again, train and dev without the prompts listed in `overlaps.jsonl`."""

    prompts: Path
    held_out: Sequence[Path]
    """The prompts of the other evaluation sets; the run's own test split always counts."""
    words: int

    def __call__(self, draft: Path, watch: Watch) -> Meta:
        """Write the files into `draft`."""
        splits = {split: read_rows(prompts_file(self.prompts, split), Prompt) for split in Split}
        tests = [read_rows(prompts_file(path, Split.test), Prompt) for path in self.held_out]
        found = overlaps(
            [*splits[Split.train], *splits[Split.dev]],
            [prompt for prompts in (splits[Split.test], *tests) for prompt in prompts],
            words=self.words,
        )
        dropped = {overlap.train_id for overlap in found}
        for split in (Split.train, Split.dev):
            kept = [prompt for prompt in splits[split] if prompt.prompt_id not in dropped]
            write_prompts(draft, split, kept)
            splits[split] = kept
        if not splits[Split.train]:
            raise DataError(
                "decontaminate: every training prompt shares a passage with an evaluation set; "
                "wanted some left; choose other sets or raise overlap_words"
            )
        test = prompts_file(Path(), Split.test).name
        shutil.copyfile(self.prompts / test, draft / test)
        lines = [json.dumps(asdict(overlap)) + "\n" for overlap in found]
        (draft / "overlaps.jsonl").write_text("".join(lines))
        watch.progress(1, 1)
        counts = {split.value: len(prompts) for split, prompts in splits.items()}
        kept_rows = sum(counts.values())
        return {
            "line": f"{kept_rows + len(dropped)} prompts = {kept_rows} kept + {len(dropped)} "
            f"dropped for a shared passage of {self.words} words",
            "prompts": counts,
            "dropped": sorted(dropped)[:10],
        }
