"""A W&B server on this machine: as much of its protocol as `wandb sync` and `wandb.Api` speak."""

from __future__ import annotations

import gzip
import json
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TEAM = "team"


@dataclass
class StoredArtifact:
    """An artifact that arrived."""

    name: str
    type: str
    metadata: dict[str, Any]
    files: list[str] = field(default_factory=list)
    committed: bool = False


@dataclass
class WandbStore:
    """What the server holds."""

    address: str = ""
    loses: set[str] = field(default_factory=set)
    """Names of artifacts that it refuses to commit."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[str, StoredArtifact] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Rows by their offset."""
    uses: list[str] = field(default_factory=list)
    """Artifacts that the run is said to have used."""
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Workspaces and reports by their id."""
    asked: list[str] = field(default_factory=list)
    """Names of all questions."""

    def answer(self, name: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """Return the data of an answer; None refuses."""
        self.asked.append(name)
        answers = {
            "Viewer": self._viewer,
            "GetDefaultEntity": self._viewer,
            "ServerFeaturesQuery": lambda _: {"serverInfo": {"features": []}},
            "Run": lambda given: {"project": {"run": self.runs.get(given["name"])}},
            "UpsertBucket": self._upsert,
            "CreateArtifact": self._create,
            "CreateArtifactManifest": self._create_manifest,
            "CreateArtifactFiles": self._create_files,
            "CommitArtifact": self._commit,
            "CreateRunFiles": self._create_run_files,
            "ArtifactMembershipByName": self._artifact,
            "UseArtifact": self._use,
            "ProjectInternalId": lambda _: {"project": {"id": "P", "internalId": "1"}},
            "GetProjects": self._projects,
            "UpsertView2": self._upsert_view,
            "upsertView": self._upsert_view,
            "View": self._workspace,
            "SpecificReport": lambda given: {"view": self.views[given["reportId"]]},
        }
        return answers.get(name, lambda _: {})(asked.get("input") or asked)

    def stream(self, run: str, sent: dict[str, Any]) -> None:
        """Take part of a run's files: lines by their place."""
        files = sent.get("files") or {}
        summary = files.get("wandb-summary.json")
        if summary:
            self.runs[run]["summaryMetrics"] = summary["content"][-1]
        history = files.get("wandb-history.jsonl")
        if history:
            for place, line in enumerate(history["content"], start=history["offset"]):
                self.history[place] = json.loads(line)
        if sent.get("complete"):
            self.runs[run]["state"] = "finished"

    def _viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        teams = {"edges": [{"node": {"name": TEAM}}]}
        viewer = {"id": "U", "entity": TEAM, "username": TEAM, "email": "", "flags": "{}"}
        return {"viewer": {**viewer, "admin": False, "teams": teams}}

    def _upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        new = given["name"] not in self.runs
        run = self.runs.setdefault(given["name"], {"state": "running", "summaryMetrics": "{}"})
        keys = ("config", "groupName", "jobType", "tags", "displayName")
        run |= {key: given[key] for key in keys if given[key] is not None}
        run |= {"id": "R", "name": given["name"], "projectId": "1", "historyLineCount": 0}
        project = {"id": "P", "name": "p", "entity": {"id": "E", "name": TEAM}}
        bucket = {**run, "description": "", "sweepName": None, "project": project}
        return {"upsertBucket": {"bucket": bucket, "inserted": new}}

    def _create(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["artifactCollectionName"]
        self.artifacts.setdefault(
            name,
            StoredArtifact(
                name=name, type=given["artifactTypeName"], metadata=json.loads(given["metadata"])
            ),
        )
        state = "COMMITTED" if self.artifacts[name].committed else "PENDING"
        sequence = {"id": "S", "latestArtifact": None}
        artifact = {"id": name, "state": state, "artifactSequence": sequence}
        return {"createArtifact": {"artifact": artifact}}

    def _projects(self, _: dict[str, Any]) -> dict[str, Any]:
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        node = {"__typename": "Project", "id": "P", "name": "p", "entityName": TEAM}
        node |= {"createdAt": _WHEN, "isBenchmark": False, "user": None}
        return {"models": {"pageInfo": page, "edges": [{"node": node}]}}

    def _upsert_view(self, given: dict[str, Any]) -> dict[str, Any]:
        number = given.get("id") or b64encode(f"View:{len(self.views):03}".encode()).decode()
        keys = ("name", "displayName", "description", "type", "spec")
        project = {"id": "P", "name": given["projectName"], "entityName": given["entityName"]}
        view = {"id": number, "project": project, "createdAt": _WHEN, "updatedAt": _WHEN}
        self.views[number] = view | {key: given[key] for key in keys}
        return {"upsertView": {"view": self.views[number], "inserted": True}}

    def _workspace(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.views.values() if given["viewName"] in one["name"]]
        return {"project": {"allViews": {"edges": [{"node": one} for one in found]}}}

    def _create_manifest(self, _: dict[str, Any]) -> dict[str, Any]:
        file = self._place("manifest") | {"id": "F", "displayName": "manifest"}
        return {"createArtifactManifest": {"artifactManifest": {"id": "M", "file": file}}}

    def _create_run_files(self, given: dict[str, Any]) -> dict[str, Any]:
        places = [self._place(one) for one in given["files"]]
        return {"createRunFiles": {"runID": "R", "uploadHeaders": [], "files": places}}

    def _create_files(self, given: dict[str, Any]) -> dict[str, Any]:
        for one in given["artifactFiles"]:
            self.artifacts[one["artifactID"]].files.append(one["name"])
        nodes = [
            self._place(f"{one['artifactID']}/{one['name']}")
            | {"id": "F", "name": one["name"], "displayName": one["name"], "storagePath": None}
            | {"uploadMultipartUrls": None, "artifact": {"id": one["artifactID"]}}
            for one in given["artifactFiles"]
        ]
        return {"createArtifactFiles": {"files": {"edges": [{"node": node} for node in nodes]}}}

    def _artifact(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self.artifacts.get(given["name"].partition(":")[0])
        there = found is not None and found.committed
        return {"project": {"artifactCollectionMembership": self._member(found) if there else None}}

    def _use(self, given: dict[str, Any]) -> dict[str, Any]:
        self.uses.append(given["artifactID"])
        return {"useArtifact": {"artifact": {"id": given["artifactID"]}}}

    def _commit(self, given: dict[str, Any]) -> dict[str, Any] | None:
        name = given["artifactID"]
        if name in self.loses:
            return None
        self.artifacts[name].committed = True
        return {"commitArtifact": {"artifact": {"id": name, "digest": "d"}}}

    def _place(self, name: str) -> dict[str, Any]:
        return {"name": name, "uploadUrl": f"{self.address}/put/{name}", "uploadHeaders": []}

    def _member(self, one: StoredArtifact) -> dict[str, Any]:
        project = {"id": "P", "internalId": "1", "name": "p", "entity": {"name": TEAM}}
        sequence = {"__typename": "ArtifactSequence", "name": one.name, "project": project}
        return {
            "__typename": "ArtifactCollectionMembership",
            "id": one.name,
            "versionIndex": 0,
            "createdAt": _WHEN,
            "aliases": [],
            "artifactCollection": sequence,
            "artifact": self._node(one, sequence),
        }

    def _node(self, one: StoredArtifact, sequence: dict[str, Any]) -> dict[str, Any]:
        empty = ("description", "historyStep", "commitHash", "updatedAt")
        return {
            **dict.fromkeys(empty),
            "__typename": "Artifact",
            "id": one.name,
            "artifactSequence": sequence,
            "versionIndex": 0,
            "artifactType": {"name": one.type},
            "metadata": json.dumps(one.metadata),
            "ttlIsInherited": False,
            "tags": [],
            "state": "COMMITTED",
            "size": 1,
            "digest": "d",
            "fileCount": len(one.files),
            "ttlDurationSeconds": 0,
            "createdAt": _WHEN,
            "aliases": [],
        }


_WHEN = "2026-01-01T00:00:00Z"


@contextmanager
def serving() -> Iterator[WandbStore]:
    """Yield the store of a server that lives as long as the block."""
    store = WandbStore()

    class Handler(_Handler):
        held = store

    server = _Server(("127.0.0.1", 0), Handler)
    store.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that ended with a connection open."""


class _Handler(BaseHTTPRequestHandler):
    held: WandbStore
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_PUT(self) -> None:
        self.held.files[self.path.removeprefix("/put/")] = self._body()
        self._reply({})

    def do_POST(self) -> None:
        body = self._body()
        streamed = re.fullmatch(r"/files/\w+/\w+/(\w+)/file_stream", self.path)
        if streamed:
            self.held.stream(streamed[1], json.loads(body))
            self._reply({"exitcode": None, "limits": {}})
        elif self.path == "/graphql":
            asked = json.loads(body)
            found = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            data = self.held.answer(found[1] if found else "", asked.get("variables") or {})
            self._reply({"data": data} if data is not None else {"errors": [{"message": "no"}]})
        else:
            self._reply({})

    def _body(self) -> bytes:
        body = b"".join(self._chunks())
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _reply(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
