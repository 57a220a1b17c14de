from pathlib import Path

import pytest
from safetensors import safe_open

from advdistill.models import locate
from advdistill.planning.models import Shape, shape_of
from advdistill.planning.needs import (
    activation_bytes,
    disk_of,
    memory_of,
    pools,
    training_memory,
)
from tests.unit.doctor.subjects import looked, plan

MODEL = "builtin:tiny_student"
SHAPE = Shape(
    parameters=1000,
    layers=3,
    hidden=10,
    key_values=4,
    feed_forward=20,
    linear=(("q_proj", 10, 10), ("up_proj", 20, 10)),
)


def stored_parameters(model: str) -> int:
    with safe_open(Path(locate(model)) / "model.safetensors", framework="np") as file:
        return sum(file.get_tensor(name).size for name in file.keys())  # noqa: SIM118


def test_a_model_is_counted_from_its_configuration() -> None:
    shape = shape_of(MODEL, None)
    assert shape is not None
    assert shape.parameters == stored_parameters(MODEL)


def test_the_parameters_of_an_adapter() -> None:
    assert SHAPE.adapter_parameters(2, frozenset()) == 2 * (20 + 30)
    assert SHAPE.adapter_parameters(2, frozenset({"q_proj"})) == 2 * 20


def test_training_holds_parameters_gradients_and_two_moments(tmp_path: Path) -> None:
    whole = training_memory(plan(tmp_path))
    assert whole is not None
    count = stored_parameters(MODEL)
    parts = dict(whole.parts)
    del parts["activations (about)"]
    assert parts == {"parameters": 4 * count, "gradients": 4 * count, "optimiser": 8 * count}
    assert whole.total == sum(whole.parts.values())


def test_an_adapter_takes_less(tmp_path: Path) -> None:
    whole, lora = (
        training_memory(plan(tmp_path, *more)) for more in ((), ("student=quickstart_lora",))
    )
    assert whole is not None
    assert lora is not None
    assert lora.parts["optimiser"] < whole.parts["optimiser"] / 2
    assert lora.parts["parameters"] > lora.parts["gradients"]


def test_checkpointing_keeps_the_inputs_of_the_layers() -> None:
    inside = 6 * 10 + 2 * 4 + 4 * 20
    kept = activation_bytes(SHAPE, tokens=7, width=2, checkpointing=False)
    fewer = activation_bytes(SHAPE, tokens=7, width=2, checkpointing=True)
    assert kept == 7 * 2 * 3 * inside
    assert fewer == 7 * 2 * (3 * 10 + inside)


def test_tokens_memory_and_disk_of_a_sweep(tmp_path: Path) -> None:
    found = looked(tmp_path / "outputs", tmp_path / "scratch", ("seed=0",), ("seed=1",))
    [tokens] = pools(found).values()
    assert (tokens.prompts, tokens.answers, tokens.most) == (24, 96, 96 * 56)
    assert tokens.found is None
    memories = memory_of(found)
    assert memories[0].what == f"train {MODEL}"
    assert {memory.what.split()[0] for memory in memories} == {"train", "sample", "evaluate"}
    count = stored_parameters(MODEL)
    disk = disk_of(found)
    assert disk.kept == pytest.approx(2 * 4 * count + 20 * 96 * 56)
    assert disk.while_training == 12 * count * 4
