"""What a person may type: every slip is one message that says what to type instead."""

import pytest

from tests.integration.runs import SMALL, STAGES, Call, call, copy_of, digests

HEAVY = {"torch", "transformers", "lm_eval", "datasets", "wandb", "requests", "huggingface_hub"}


@pytest.fixture(scope="module")
def help_page() -> Call:
    return call(None, "--help", tracking=None, python=["-X", "importtime"])


def test_help_names_every_group_and_needs_no_library(help_page: Call) -> None:
    assert help_page.code == 0
    for group in ("dataset", "teacher", "verifier", "weighting", "objective", "student"):
        assert f"\n{group}: " in help_page.out
    imported = {line.rpartition("|")[2].strip() for line in help_page.err.splitlines()}
    assert imported & HEAVY == set()


def test_a_bare_call_is_the_quickstart() -> None:
    bare, named = (
        call(None, *which, "--cfg", "job", tracking=None)
        for which in ((), ("+experiment=quickstart",))
    )
    assert bare.code == named.code == 0
    assert bare.out == named.out


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        # Hydra's own messages.
        (["weighting=softmx"], ["softmx", "Available options", "softmax"]),
        (["teacher.smaples=4"], ["teacher.smaples", "not in struct"]),
        (["teacher.samples"], ["teacher.samples", "missing EQUAL"]),
        (["weighting=softmax,uniform"], ["softmax,uniform", "--multirun"]),
        # Ours.
        (["+teacher.smaples=4"], ["ConfigError", "teacher.smaples", "did you mean 'samples'?"]),
        (["+sed=1"], ["ConfigError", "'sed'", "did you mean 'seed'?"]),
        (["teacher.samples=many"], ["ConfigError", "teacher", "'many'", "Integer"]),
        (["teacher.samples=0"], ["ConfigError", "samples is 0", "wanted at least 1"]),
        (["student.learning_rate=-1"], ["ConfigError", "student: learning_rate", "above 0"]),
        (["runtime.row_tokens=0"], ["ConfigError", "row_tokens is 0", "at least 1"]),
        (["limits.max_weight_share=2"], ["ConfigError", "max_weight_share is 2", "from 0 to 1"]),
        (["weighting=advantage", "objective=signed_nll"], ["ConfigError", "allow_unbounded=true"]),
        (["name='a b'"], ["ConfigError", "'a b'", "letters"]),
        (["max_unjudged=2"], ["ConfigError", "max_unjudged is 2", "from 0 to 1"]),
        (["dataset=jsonl"], ["ConfigError", "dataset.name", "give dataset.name=VALUE"]),
        (["teacher.model=builtin:big"], ["ConfigError", "builtin:big", "builtin:tiny_teacher"]),
        (["teacher.model=no/such/folder"], ["ConfigError", "no/such/folder", "existing folder"]),
        (["teacher.model=owner/name"], ["ConfigError", "owner/name", "teacher.revision=COMMIT"]),
    ],
    ids=lambda value: value[0] if value[0].count("=") else "",
)
def test_a_slip_is_one_message(tmp_path, overrides: list[str], words: list[str]) -> None:
    done = call(tmp_path / "outputs", *SMALL, *overrides)
    assert done.code == 1
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err
    if words[0] == "ConfigError":
        assert len(done.messages) == 1
    assert not (tmp_path / "outputs" / "cache").exists()


def test_a_slip_leaves_what_is_stored(finished, tmp_path) -> None:
    outputs = copy_of(finished, tmp_path)
    assert call(outputs, *SMALL, "student.epochs=0").code == 1
    assert digests(outputs) == digests(finished)
    done = call(outputs, *SMALL)
    assert (done.code, set(done.lines), done.made) == (0, set(STAGES), [])
