"""Records of finished cells, as a run leaves them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from advdistill.cache import Artefact, Cache, Recipe, Sealed, read_sealed
from advdistill.stages import VERSIONS

TRACKING = "t"


def finish(outputs: Path, key: str, stages: Sequence[str] = ("judge", "evaluate/student")) -> None:
    """Write the record of a finished cell, whose first stage every cell shares."""
    cache = Cache(outputs / "cache", cell=key)
    made = {name: _artefact(cache, name, key if name != stages[0] else "") for name in stages}
    run = outputs / "runs" / "fake" / key
    run.mkdir(parents=True, exist_ok=True)
    folders = {name: {"folder": str(one.folder), "line": ""} for name, one in made.items()}
    (run / "stages.json").write_text(json.dumps(folders))
    digests = {name: one.digest for name, one in made.items()}
    record = {"run": str(run), "digests": digests, "tracking": TRACKING}
    marker = outputs / "cells" / f"{key}.json"
    marker.parent.mkdir(exist_ok=True)
    marker.write_text(json.dumps(record))


def _artefact(cache: Cache, name: str, content: str) -> Artefact:
    stage = name.partition("/")[0]
    recipe = Recipe(
        stage=stage, version=VERSIONS[stage], settings={"name": name}, inputs={"x": content}
    )

    def make(draft: Path) -> Mapping[str, object]:
        (draft / "scores.txt").write_text(content)
        return {"line": name, "tokens": 100}

    return cache.make(recipe, make)


def artefact_with(outputs: Path, stage: str, meta: Mapping[str, object]) -> Sealed:
    """Return a finished artefact with such counts."""
    recipe = Recipe(stage=stage, version=VERSIONS[stage], settings={}, inputs={})
    artefact = Cache(outputs / "cache", cell="x").make(recipe, lambda _: meta)
    sealed = read_sealed(artefact.folder)
    assert sealed is not None
    return sealed
