"""Training on a CUDA device: proved, the same in every packing, and resumed to the bit."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from advdistill.interfaces import Packing
from advdistill.student.finetune import Dtype
from advdistill.student.proof import LIMITS
from tests.tiny import pool, tiny_model
from tests.unit.student.students import (
    OBJECTIVE,
    Notebook,
    StoppedError,
    fingerprints,
    job,
    student,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_model(tmp_path_factory.mktemp("model"))


def losses(
    folder: Path, model: str, packing: Packing, dtype: Dtype, **options: bool
) -> list[float]:
    """Return the losses of five steps."""
    notebook = Notebook()
    one = student(model, dtype=dtype, max_steps=5)
    one.train(OBJECTIVE, pool(8, 5), folder=folder, job=job(notebook, packing=packing, **options))
    return list(notebook.column("loss").values())


@pytest.mark.parametrize(("dtype", "limit"), [(Dtype.float32, 1e-4), (Dtype.bfloat16, 2e-2)])
def test_every_packing_is_proved_and_trains_to_the_same_losses(
    tmp_path: Path, model: str, dtype: Dtype, limit: float
) -> None:
    wanted = losses(tmp_path / "wanted", model, Packing.padded, Dtype.float32)
    for packing in Packing:
        found = losses(tmp_path / packing, model, packing, dtype)
        assert found == pytest.approx(wanted, rel=limit)
        proof = json.loads((tmp_path / packing / "proof.json").read_text())
        assert proof["gradient_gap"] <= LIMITS[Dtype.float32]
        if dtype is Dtype.bfloat16:
            assert 0 < proof["bfloat16"]["gradient_gap"] <= LIMITS[Dtype.bfloat16]


@pytest.mark.parametrize(("dtype", "limit"), [(Dtype.float32, 1e-4), (Dtype.bfloat16, 2e-2)])
def test_compiled_layers_are_proved_and_train_to_the_same_losses(
    tmp_path: Path, model: str, dtype: Dtype, limit: float
) -> None:
    wanted = losses(tmp_path / "wanted", model, Packing.padded, Dtype.float32)
    found = losses(tmp_path / "found", model, Packing.shared, dtype, compile=True)
    assert found == pytest.approx(wanted, rel=limit)
    proof = json.loads((tmp_path / "found" / "proof.json").read_text())
    assert proof["gradient_gap"] <= LIMITS[Dtype.float32]


@pytest.mark.parametrize(
    ("packing", "compiled"), [(Packing.padded, False), (Packing.auto, False), (Packing.auto, True)]
)
def test_ten_steps_are_five_a_kill_and_five(
    tmp_path: Path, model: str, packing: Packing, compiled: bool
) -> None:
    one = student(model, dtype=Dtype.bfloat16, max_steps=10)
    own = job(packing=packing, compile=compiled)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    one.train(OBJECTIVE, pool(8, 5), folder=whole, job=own)
    with pytest.raises(StoppedError):
        one.train(
            OBJECTIVE,
            pool(8, 5),
            folder=resumed,
            job=replace(own, watch=Notebook(stop_at=8)),
        )
    one.train(OBJECTIVE, pool(8, 5), folder=resumed, job=own)
    assert fingerprints(resumed / "model") == fingerprints(whole / "model")


def test_a_step_that_does_not_fit_is_done_in_smaller_passes(
    tmp_path: Path, model: str, caplog: pytest.LogCaptureFixture
) -> None:
    one = student(model, max_steps=2, batch_prompts=256)
    roomy, narrow = Notebook(), Notebook()
    whole = job(roomy, packing=Packing.padded, row_tokens=1_000_000)
    torch.cuda.reset_peak_memory_stats()
    one.train(OBJECTIVE, pool(256, 8), folder=tmp_path / "roomy", job=whole)
    assert "did not fit the memory" not in caplog.text
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.6 * peak / total)
    try:
        with caplog.at_level(logging.WARNING):
            one.train(
                OBJECTIVE,
                pool(256, 8),
                folder=tmp_path / "narrow",
                job=replace(whole, watch=narrow),
            )
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "did not fit the memory" in caplog.text
    assert narrow.column("loss") == pytest.approx(roomy.column("loss"), rel=1e-4)
