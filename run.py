"""Compose a configuration, run the cell it spells, show what came of it.

python run.py                                          the quickstart: no network, no GPU
python run.py +experiment=gsm8k_qwen                   an experiment
python run.py -m weighting=uniform,softmax seeds=3     a sweep on one pool of answers
"""

import hydra
from omegaconf import DictConfig

from advdistill.cli.run import run_cell


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Run one cell."""
    run_cell(cfg)


if __name__ == "__main__":
    main()
