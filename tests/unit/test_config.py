import os
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from advdistill.config import Plan, plan_of
from advdistill.errors import ConfigError
from advdistill.models import locate
from tests.builders import composed, options
from tests.contract.components import component


def plan(outputs: Path, *overrides: str) -> Plan:
    cfg = composed(*overrides)
    cfg.outputs = str(outputs)
    return plan_of(cfg, {"weighting": "softmax"})


def message(outputs: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        plan(outputs, *overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["+weighting.temprature=1"], ["weighting.temprature", "did you mean 'temperature'?"]),
        (["weighting.temperature=hot"], ["weighting.temperature", "'hot'", "Float"]),
        (["weighting.temperature=0"], ["weighting 'softmax'", "temperature is 0", "above 0"]),
        (["weighting.temperature=nan"], ["weighting 'softmax'", "is nan", "wanted"]),
        (["weighting.std=both"], ["weighting.std", "'both'", "population, sample, none"]),
        (["teacher=transformers"], ["teacher.model is not set", "teacher.model=VALUE"]),
        (["teacher.samples=0"], ["teacher: samples is 0", "wanted at least 1"]),
        (["teacher.samples=2.5"], ["teacher.samples", "2.5", "Integer"]),
        (["teacher.temperature=-0.1"], ["teacher: temperature is -0.1", "wanted 0 or more"]),
        (["teacher.top_p=0"], ["teacher: top_p is 0", "wanted above 0 and at most 1"]),
        (["teacher.max_tokens=0"], ["teacher: max_tokens is 0", "wanted at least 1"]),
        (["teacher.shard_prompts=0"], ["teacher: shard_prompts is 0", "wanted at least 1"]),
        (["student.learning_rate=-1"], ["student: learning_rate is -1", "wanted above 0"]),
        (["evaluation.max_tokens=0"], ["evaluation: max_tokens is 0", "wanted at least 1"]),
        (["evaluation.backend=tpu"], ["evaluation.backend", "'tpu'", "transformers, vllm"]),
        (["verifier.relative_tolerance=1"], ["verifier", "relative_tolerance is 1", "wanted 0"]),
        (["answer_format.style=latex"], ["answer_format.style", "'latex'", "hash, boxed"]),
        (["dataset.train=0"], ["dataset 'quickstart'", "train=0", "wanted train >= 1"]),
        (["runtime.row_tokens=0"], ["runtime: row_tokens is 0", "wanted at least 1"]),
        (["runtime.processes=0"], ["runtime: processes is 0", "wanted at least 1"]),
        (["runtime.packing=tight"], ["runtime.packing", "'tight'", "auto, shared, plain, padded"]),
        (
            ["runtime.compile=true", "runtime.processes=2"],
            ["compile is true with processes=2", "wanted one process", "runtime.compile=false"],
        ),
        (["runtime.sharding=ddp"], ["runtime.sharding", "'ddp'", "none, fsdp, deepspeed"]),
        (["runtime.threads=0"], ["runtime: threads is 0", "wanted at least 1"]),
        (["limits.max_weight_share=1.5"], ["limits: max_weight_share is 1.5", "from 0 to 1"]),
        (["sweep.retries=-1"], ["sweep: retries is -1", "wanted 0 or more"]),
        (["sweep.limit_minutes=0"], ["sweep: limit_minutes is 0", "wanted above 0"]),
        (["sweep.cells_per_gpu=0"], ["sweep: cells_per_gpu is 0", "wanted 1 or more"]),
        (["+sweep.retires=1"], ["sweep.retires", "did you mean 'retries'?"]),
        (["budget.amount=0"], ["budget: amount is 0", "wanted a number above 0"]),
        (["budget=weight", "budget.unit=words"], ["budget.unit", "'words'", "none, weight"]),
        (
            ["weighting=advantage", "objective=signed_nll"],
            ["objective", "allow_unbounded=true"],
        ),
        (["seed=abc"], ["seed", "'abc'", "Integer"]),
        (["seeds=0"], ["seeds is 0; wanted at least 1"]),
        (["margin=0"], ["margin is 0.0; wanted points above 0"]),
        (["name=a/b"], ["name is 'a/b'; wanted letters"]),
        (["max_unjudged=1.5"], ["max_unjudged is 1.5; wanted a share from 0 to 1"]),
        (["max_unjudged=nan"], ["max_unjudged is nan; wanted a share from 0 to 1"]),
        (["overlap_words=0"], ["overlap_words is 0; wanted at least 1"]),
        (["held_out=null"], ["held_out is not set", "+dataset@held_out.NAME=OPTION"]),
        (
            ["+dataset@held_out.again=quickstart"],
            ["held_out.again.name is 'quickstart'", "as that of dataset"],
        ),
        (["runtime.judges=0"], ["runtime: judges is 0", "wanted at least 1"]),
        (["max_unverified=-1"], ["max_unverified is -1; wanted 0 or more"]),
        (["+sed=3"], ["unknown setting 'sed'", "did you mean 'seed'?", "known: dataset"]),
        (["+zzz=3"], ["unknown setting 'zzz'", "known: dataset"]),
        (["~weighting"], ["group 'weighting' is not set", "give weighting=OPTION"]),
        (["weighting._target_=no.Such"], ["weighting._target_", "no.Such", "wanted package"]),
        (
            ["weighting=uniform", "weighting._target_=advdistill.tracking.NoTracking"],
            ["weighting._target_", "NoTracking is no Weighting", "wanted a class"],
        ),
        (
            ["teacher=transformers", "teacher.model=owner/name"],
            ["teacher.model is 'owner/name' on the hub without a revision", "teacher.revision="],
        ),
        (
            ["student=finetune", "student.model=owner/name"],
            ["student.model is 'owner/name' on the hub without a revision", "student.revision="],
        ),
        (["student.model=./nowhere"], ["student: model './nowhere' is no folder", "give an exist"]),
        (["teacher.model=builtin:huge"], ["teacher: model 'builtin:huge'", "builtin:tiny_teacher"]),
        (
            ["dataset=jsonl", "dataset.name=mine", "dataset.train_path=/no/file.jsonl"],
            ["dataset: /no/file.jsonl does not exist; wanted the file or folder"],
        ),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_what_cannot_work_is_found_before_any_work(
    tmp_path: Path, overrides: list[str], parts: list[str]
) -> None:
    found = message(tmp_path, *overrides)
    assert [part for part in parts if part not in found] == []
    assert list(tmp_path.iterdir()) == []


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADVDISTILL_DATA", raising=False)
    found = message(tmp_path, "dataset=gsm8k_recorded")
    assert "does not exist; wanted" in found
    assert found.endswith("set the environment variable ADVDISTILL_DATA")


@pytest.mark.parametrize("missing", ["tokenizer.json", "config.json"])
@pytest.mark.parametrize("group", ["teacher", "student"])
def test_a_model_folder_that_is_not_whole_is_refused(
    tmp_path: Path, group: str, missing: str
) -> None:
    folder = shutil.copytree(locate("builtin:tiny_student"), tmp_path / "model")
    (folder / missing).unlink()
    found = message(tmp_path / "outputs", f"{group}.model={folder}")
    assert f"{group}: model folder '{folder}' has no {missing}; wanted" in found
    assert "save_pretrained(folder)" in found


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_outputs_that_cannot_be_written_are_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    found = message(Path(f"{tmp_path}/file{below}"))
    for part in (f"'{tmp_path}/file{below}' cannot be written", "wanted", "give outputs=FOLDER"):
        assert part in found


def test_a_top_level_setting_that_is_missing_is_named(tmp_path: Path) -> None:
    cfg = composed(f"outputs={tmp_path}")
    OmegaConf.set_struct(cfg, False)
    del cfg["max_unjudged"]
    with pytest.raises(ConfigError, match="max_unjudged"):
        plan_of(cfg, {})


def test_the_plan_holds_what_the_configuration_spells(tmp_path: Path) -> None:
    found = plan(tmp_path, "seed=4", "weighting.temperature=2")
    assert found.settings.seed == 4
    assert found.student.seed == 4  # type: ignore[attr-defined]
    assert found.weighting.temperature == 2.0  # type: ignore[attr-defined]
    assert found.choices == {"weighting": "softmax"}
    assert found.config["weighting"]["temperature"] == 2  # type: ignore[index]
    assert found.outputs == tmp_path


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "dataset.seed=1",
        "teacher.seed=1",
        "teacher.temperature=0.9",
        "weighting.temperature=0.6",
        "weighting=uniform",
        "budget=weight",
        "budget.amount=2",
        "objective.normaliser=sequences",
        "student.learning_rate=2e-3",
        "evaluation.max_tokens=57",
        "answer_format=boxed",
        "max_unjudged=0.1",
    ],
)
def test_another_number_is_another_cell(tmp_path: Path, override: str) -> None:
    assert plan(tmp_path, override).key != plan(tmp_path).key


@pytest.mark.parametrize(
    "override",
    [
        "runtime=gpu",
        "runtime.row_tokens=1",
        "runtime.packing=padded",
        "runtime.compile=true",
        "runtime.processes=2",
        "runtime.sharding=fsdp",
        "limits.max_negative_share=0.1",
        "tracking=none",
        "seeds=3",
    ],
)
def test_how_a_cell_is_run_is_no_part_of_it(tmp_path: Path, override: str) -> None:
    assert plan(tmp_path / "elsewhere", override).key == plan(tmp_path).key


def test_a_key_is_the_same_in_every_process(tmp_path: Path) -> None:
    program = (
        "from tests.unit.test_config import *; "
        f"print(plan(Path({str(tmp_path)!r}), 'weighting=advantage').key)"
    )
    keys = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert keys == {plan(tmp_path, "weighting=advantage").key + "\n"}


def test_an_objective_trains_signed_weights_once_it_may(tmp_path: Path) -> None:
    pair = ("weighting=advantage", "objective=signed_nll")
    assert "allow_unbounded" in message(tmp_path, *pair)
    assert plan(tmp_path, *pair, "objective.allow_unbounded=true").weighting.signed


@pytest.mark.slow
def test_a_pair_is_refused_exactly_where_the_objective_objects(tmp_path: Path) -> None:
    pairs = {
        *product(("uniform", "advantage"), options("objective")),
        *product(options("weighting"), ("weighted_nll", "signed_nll")),
    }
    wanted = {
        pair: component("objective", pair[1]).objection(
            signed=component("weighting", pair[0]).signed
        )
        for pair in pairs
    }
    cfg = composed(f"outputs={tmp_path}")
    parts = {
        (group, option): composed(f"{group}={option}")[group]
        for group in ("weighting", "objective")
        for option in options(group)
    }
    found = {}
    for weighting, objective in pairs:
        cfg.weighting, cfg.objective = parts["weighting", weighting], parts["objective", objective]
        found[weighting, objective] = refusal(cfg)
    assert found == wanted
    refused = {pair for pair in pairs if wanted[pair] is not None}
    assert refused >= {("advantage", "signed_nll"), ("uniform", "redi")}
    assert not {pair for pair in refused if pair[1] == "weighted_nll"}


def refusal(cfg: DictConfig) -> str | None:
    """Return why it cannot be planned."""
    try:
        plan_of(cfg, {})
    except ConfigError as error:
        return str(error)
    return None


def test_another_model_behind_the_same_name_is_another_cell(tmp_path: Path) -> None:
    folder = shutil.copytree(locate("builtin:tiny_student"), tmp_path / "model")
    before = plan(tmp_path / "outputs", f"student.model={folder}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    after = plan(tmp_path / "outputs", f"student.model={folder}")
    assert before.identities["student"] != after.identities["student"]
    assert before.key != after.key
    assert replace(before, identities=after.identities).key == after.key
