from pathlib import Path

import pytest

from advdistill.cli import export, report
from advdistill.errors import ConfigError, DataError
from tests.finished import Told, finished_run


def test_a_report_and_an_export_of_finished_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    folders = [
        str(finished_run(outputs, Told(weighting=name, seed=seed)))
        for name in ("uniform", "softmax")
        for seed in (0, 1, 2)
    ]
    page = tmp_path / "r.html"
    assert report.main([*folders, "-o", str(page)]) == 0
    assert str(page) in capsys.readouterr().out
    text = page.read_text()
    assert 'id="weightings"' in text
    assert "softmax" in (tmp_path / "r.md").read_text()
    assert report.main([*folders, "-o", str(page)]) == 0
    assert page.read_text() == text  # asked again, it is the same look at the same items
    assert export.main([folders[0], "-o", str(tmp_path / "student")]) == 0
    assert (tmp_path / "student" / "README.md").is_file()


def test_a_wrong_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not end in \.html"):
        report.main([str(tmp_path), "-o", "report.pdf"])
    with pytest.raises(DataError, match="is no finished run"):
        report.main([str(tmp_path), "-o", str(tmp_path / "r.html")])
