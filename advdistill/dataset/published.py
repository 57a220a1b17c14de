"""A published data set's rows: on the hub at a pinned commit, or in a folder of local files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from advdistill.errors import DataError
from advdistill.rows import SUFFIXES, Row, check_exists, read_hub, read_rows

_SHARD = re.compile(r"-\d+-of-(?P<shards>\d+)(-[0-9a-f]{16})?$")
_SYNONYMS = {"validation": ("validation", "dev")}
"""Publishers call the split between train and test by either word."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """One split as its publisher made it, which need not be ours."""

    hub: str
    subsets: tuple[str | None, ...]
    """Read one after the other; None is a data set that is not divided."""
    split: str
    """What the hub calls it."""
    revision: str
    folder: str | None
    """A local folder instead of the hub; it may hold many data sets."""
    stem: str
    """Begins the names of local files: `gsm8k` finds `gsm8k_train.jsonl`."""
    others: tuple[str, ...] = ()
    """Other names of a local file, without suffix."""

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield each row with its place.

        Raises:
            DataError: the hub or a file cannot be read.
        """
        for subset in self.subsets if self.folder is None else ():
            yield from read_hub(
                self.hub,
                subset=subset,
                split=self.split,
                revision=self.revision,
                setting="dataset.path",
            )
        for file in self.files():
            parent = file.relative_to(self.folder or "").parent
            yield from ((str(parent / where), row) for where, row in read_rows(file))

    def files(self) -> list[Path]:
        """Return the local files it reads, none where it reads the hub.

        Raises:
            DataError: none is named as wanted, or several are that are not shards of one.
        """
        if self.folder is None:
            return []
        check_exists(Path(self.folder))
        if not Path(self.folder).is_dir():
            raise DataError(
                f"{self.folder} is a file; wanted the folder of the splits' files; give "
                f"dataset.path={Path(self.folder).parent}"
            )
        for stems in self._stems():
            found = [stemmed(Path(self.folder), stem) for stem in stems]
            if all(found):
                return [file for files in found for file in files]
        entries = sorted(path.name for path in Path(self.folder).glob("*"))
        raise DataError(
            f"{self.folder}: no file of the {self.split} split of {self.hub}; wanted "
            f"{self.stem}_{self.split}.jsonl (or {', '.join(SUFFIXES)}) or the hub's own layout, "
            f"found {', '.join(entries[:8]) or 'nothing'}; name the file so or correct the folder"
        )

    def _stems(self) -> Iterator[Sequence[str]]:
        """Yield the names to try, the surest first; several together make the split."""
        words = _SYNONYMS.get(self.split, (self.split,))
        yield from ([f"{self.stem}{joint}{word}"] for word in words for joint in "_-")
        yield from ([name] for name in self.others)
        for word in words:
            if None not in self.subsets:
                yield [f"{subset}/{word}" for subset in self.subsets]
            yield [f"data/{word}"]
            yield [word]


@dataclass(frozen=True, kw_only=True)
class LocalFiles:
    """Files, or folders of files, that are read one after the other."""

    paths: tuple[Path, ...]

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield each row with its place.

        Raises:
            DataError: a file cannot be read.
        """
        for path in self.paths:
            yield from read_rows(path)

    def files(self) -> Sequence[Path]:
        """Return the files or folders."""
        return self.paths


def stemmed(folder: Path, stem: str) -> list[Path]:
    """Return the one file of this name, whatever its suffix, or all its shards; else none.

    Raises:
        DataError: there are several that are not all shards of one.
    """
    place = folder / stem
    if not place.parent.is_dir():
        return []
    bares = {file: bare for file in sorted(place.parent.iterdir()) if (bare := _bare(file.name))}
    files = [file for file, bare in bares.items() if _SHARD.sub("", bare) == place.name]
    shards = [_SHARD.search(bares[file]) for file in files]
    if files and {int(shard["shards"]) if shard else 1 for shard in shards} != {len(files)}:
        found = ", ".join(file.name for file in files)
        raise DataError(
            f"{place.parent}: found {found}; wanted one file named {place.name}, or all shards "
            "of one; remove the copies or fetch the missing shards"
        )
    return files


def _bare(name: str) -> str | None:
    """Return the file's name without its suffix; None for a file that holds no rows."""
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), None)
