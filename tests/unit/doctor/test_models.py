import json
from pathlib import Path
from shutil import copytree

import pytest

from advdistill.doctor import models
from advdistill.doctor.finding import Health, MissingError
from advdistill.doctor.subject import Subject
from tests.tiny import CHAT_TEMPLATE
from tests.unit.doctor.subjects import subject

CHECKS = (
    models.models_there,
    models.chat_template,
    models.end_learnt,
    models.one_beginning,
    models.vocabulary,
    models.window,
)


def student(tmp_path: Path, tiny: str) -> Path:
    """Return a copy of the tiny model, to be spoilt."""
    return Path(copytree(tiny, tmp_path / "model"))


def of(folder: Path, *overrides: str) -> Subject:
    return subject(folder.parent / "outputs", f"student.model={folder}", *overrides)


def rewrite(file: Path, **changed: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_a_sound_student(tmp_path: Path, tiny: str) -> None:
    sound = of(student(tmp_path, tiny))
    for check in CHECKS:
        assert check(sound).health is Health.good, check


def test_the_quickstart_models(tmp_path: Path) -> None:
    for check in CHECKS:
        assert check(subject(tmp_path)).health is Health.good, check


def test_a_model_that_cannot_be_loaded(tmp_path: Path, tiny: str) -> None:
    folder = student(tmp_path, tiny)
    broken = of(folder)
    (folder / "config.json").write_text('{"model_type": "none such"}')
    found = models.models_there(broken)
    assert found.health is Health.bad
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(MissingError, match="tokenizer"):
        models.vocabulary(of(folder))


@pytest.mark.parametrize(
    ("template", "health"),
    [
        ("{{ 1 / 0 }}", Health.crashed),
        ("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}", Health.bad),
        ("{{ raise_exception('no system') }}", Health.bad),
        ("{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}", Health.doubtful),
    ],
)
def test_chat_templates(tmp_path: Path, tiny: str, template: str, health: Health) -> None:
    folder = student(tmp_path, tiny)
    (folder / "chat_template.jinja").write_text(template)
    if health is Health.crashed:
        with pytest.raises(ZeroDivisionError):
            models.chat_template(of(folder))
        return
    assert models.chat_template(of(folder)).health is health


def test_an_end_that_the_base_does_not_know(tmp_path: Path, tiny: str) -> None:
    folder = student(tmp_path, tiny)
    rewrite(folder / "generation_config.json", eos_token_id=[0])
    rewrite(folder / "tokenizer_config.json", eos_token="<|endoftext|>")
    assert models.end_learnt(of(folder)).health is Health.doubtful


def test_a_template_that_begins_twice(tmp_path: Path, tiny: str) -> None:
    folder = student(tmp_path, tiny)
    rewrite(folder / "tokenizer_config.json", bos_token="<|endoftext|>")
    (folder / "chat_template.jinja").write_text("<|endoftext|><|endoftext|>" + CHAT_TEMPLATE)
    assert models.one_beginning(of(folder)).health is Health.bad


def test_a_tokenizer_of_another_model(tmp_path: Path, tiny: str) -> None:
    folder = student(tmp_path, tiny)
    rewrite(folder / "config.json", vocab_size=100)
    assert models.vocabulary(of(folder)).health is Health.bad


def test_rows_longer_than_the_model(tmp_path: Path, tiny: str) -> None:
    folder = student(tmp_path, tiny)
    assert models.window(of(folder, "student.max_tokens=513")).health is Health.bad
    assert models.window(of(folder, "evaluation.max_tokens=512")).health is Health.bad
