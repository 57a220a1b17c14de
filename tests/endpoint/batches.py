"""The scripted endpoint's batches: files, batches and what becomes of their lines."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.endpoint.script import Script

LineOf = Callable[[dict[str, Any], int], list[str]]
"""Returns the lines for a line asked in the nth batch (from 0) instead of the right one."""


@dataclass(kw_only=True)
class BatchStore:
    """What was uploaded, submitted and written."""

    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    polls: int = 1
    """A batch is done when it has been looked at so often."""
    finals: dict[int, str] = field(default_factory=dict)
    """How the nth batch (from 0) ends, if not completed; half of its lines are done then."""
    page: int = 2
    """Batches per page of the list."""
    failed_lines: dict[str, int] = field(default_factory=dict)
    """Status of the lines whose custom id holds the given words, in every batch."""
    failed_once: dict[str, str] = field(default_factory=dict)
    """What is wrong in the first batch with lines: missing, garbage, twice or error."""
    looked: dict[str, int] = field(default_factory=dict)
    submitted: int = 0

    def reply(
        self, method: str, path: str, body: dict[str, Any], content: bytes, script: Script
    ) -> bytes:
        """Return what the API answers."""
        parts = urlsplit(path)
        name = parts.path.removeprefix("/v1/")
        match [method, *name.split("/")]:
            case ["POST", "files"]:
                return self._upload(content)
            case ["GET", "files", file_id, "content"]:
                return self.files[file_id]
            case ["POST", "batches"]:
                return self._submit(body)
            case ["GET", "batches"]:
                return self._list(parse_qs(parts.query).get("after", [""])[0])
            case ["GET", "batches", batch_id]:
                return self._look(batch_id, script)
        raise AssertionError(f"{method} {path}")

    def _upload(self, content: bytes) -> bytes:
        lines = [line.strip() for line in content.splitlines() if line.startswith(b'{"custom_id"')]
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = b"\n".join(lines)
        return json.dumps({"id": file_id, "object": "file"}).encode()

    def _submit(self, body: dict[str, Any]) -> bytes:
        assert body["endpoint"] == "/v1/chat/completions"
        assert body["completion_window"] == "24h"
        batch_id = f"batch-{self.submitted}"
        self.submitted += 1
        self.batches[batch_id] = {
            "id": batch_id,
            "object": "batch",
            "status": "validating",
            "input_file_id": body["input_file_id"],
            "metadata": body["metadata"],
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
        }
        return json.dumps(self.batches[batch_id]).encode()

    def _list(self, after: str) -> bytes:
        newest = list(reversed(self.batches.values()))
        names = [batch["id"] for batch in newest]
        start = names.index(after) + 1 if after else 0
        page = newest[start : start + self.page]
        return json.dumps(
            {
                "object": "list",
                "data": page,
                "last_id": page[-1]["id"] if page else None,
                "has_more": start + self.page < len(newest),
            }
        ).encode()

    def _look(self, batch_id: str, script: Script) -> bytes:
        batch = self.batches[batch_id]
        self.looked[batch_id] = self.looked.get(batch_id, 0) + 1
        if self.looked[batch_id] == self.polls + 1:
            self._finish(batch, script)
        return json.dumps(batch).encode()

    def _finish(self, batch: dict[str, Any], script: Script) -> None:
        final = self.finals.get(int(batch["id"].removeprefix("batch-")), "completed")
        batch["status"] = final
        if final == "failed":
            batch["errors"] = {"data": [{"message": "Invalid model", "line": 1}]}
            return
        asked = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        output, errors = [], []
        if final != "completed":
            asked = asked[: len(asked) // 2]
        for line in reversed(asked):  # in another order
            status = next((s for w, s in self.failed_lines.items() if w in line["custom_id"]), 200)
            ok = status == 200
            found = script.completion(line["body"], None) if ok else {"error": _text(status)}
            row = {
                "id": f"r-{line['custom_id']}",
                "custom_id": line["custom_id"],
                "response": {"status_code": status, "body": found},
                "error": None,
            }
            (output if ok else errors).extend(self._lines(batch["id"], row))
        for kind, lines in (("output", output), ("error", errors)):
            if lines:
                file_id = f"file-{len(self.files)}"
                self.files[file_id] = "\n".join(lines).encode()
                batch[f"{kind}_file_id"] = file_id

    def _lines(self, batch_id: str, row: dict[str, Any]) -> list[str]:
        line = json.dumps(row)
        wrong = next((w for words, w in self.failed_once.items() if words in row["custom_id"]), "")
        if batch_id != "batch-0" or not wrong:
            return [line]
        failed = json.dumps({**row, "response": None, "error": {"code": "x", "message": "broken"}})
        return {
            "missing": [],
            "garbage": [line[: len(line) // 2]],
            "twice": [line, line],
            "error": [failed],
            "stray": [line, line.replace(row["custom_id"], "other/train/9#0")],
        }[wrong]


def _text(status: int) -> dict[str, str]:
    return {"message": "maximum context length is 512" if status == 400 else "overloaded"}
