"""Checks of what the run would be carried out on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from advdistill.doctor.finding import Finding, bad, doubtful, good, skipped
from advdistill.doctor.subject import Subject
from advdistill.planning.models import shape_of
from advdistill.planning.needs import disk_of, largest, memory_of

_BUSY_SHARE = 0.1
_SKEW_SECONDS = 5.0
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)
LARGE = 500_000_000
"""Parameters above which a training without a GPU takes days."""
GIB = 2**30


def disk(subject: Subject) -> Finding:
    """Whether the disk has room for what must be made."""
    need = disk_of(subject.looked).total
    free = subject.machine.free_bytes(subject.plan.outputs)
    told = f"{free / GIB:.1f} GiB free for the outputs, about {need / GIB:.1f} needed"
    if free < need:
        return bad(told, "free space, set outputs=FOLDER, or keep fewer checkpoints")
    if free < 2 * need:
        return doubtful(told, "free some space: the need is an estimate")
    return good(told)


def memory(subject: Subject) -> Finding:
    """Whether the largest stage fits the memory of a GPU, or the machine's where there is none."""
    gpus = subject.machine.gpus
    room = min((gpu.memory_bytes for gpu in gpus), default=subject.machine.memory_bytes)
    stages = memory_of(subject.looked)
    if not stages:
        return skipped("no model must be loaded")
    need = largest(stages)
    told = (
        f"{stages[0].what} takes about {need / GIB:.1f} GiB of {room / GIB:.1f} "
        f"{'on a GPU' if gpus else 'of main memory'}"
    )
    if need > room:
        return bad(
            told,
            "train an adapter, set student.gradient_checkpointing=true, lower runtime.row_tokens, "
            "or share the model among GPUs with runtime=fsdp",
        )
    return doubtful(told, "lower runtime.row_tokens") if need > 0.9 * room else good(told)


def gpu(subject: Subject, large: int = LARGE) -> Finding:
    """Whether the GPUs that are there can be used by torch, and are there where they are needed."""
    devices, cuda = subject.machine.gpus, subject.machine.cuda()
    if devices and cuda is None:
        return bad(
            f"{len(devices)} GPUs ({devices[0].name}) and a torch without CUDA",
            "install torch's CUDA build in an environment of its own",
        )
    if devices:
        return good(f"{len(devices)} GPUs ({devices[0].name}), torch for CUDA {cuda}")
    if subject.plan.runtime.processes > 1 and cuda is not None:
        return bad("several training processes and no GPU", "set runtime.processes=1")
    student = subject.plan.student
    shape = shape_of(student.model, student.revision)
    if shape is None:
        return skipped("no GPU, and the size of the student is not known")
    if shape.parameters > large:
        return doubtful(
            f"no GPU, and a student of {shape.parameters / 1e9:.1f} billion parameters",
            "run it where there is a GPU, or ask `advdistill plan --probe` for the hours",
        )
    return good("no GPU, and none is needed")


def visible_gpus(subject: Subject) -> Finding:
    """Whether CUDA_VISIBLE_DEVICES hides the GPUs that are there."""
    listed = subject.machine.environ.get("CUDA_VISIBLE_DEVICES")
    devices = subject.machine.gpus
    if not devices or listed is None:
        return skipped("no GPU is hidden")
    shown = [one for one in listed.split(",") if one.strip() not in ("", "-1")]
    if not shown:
        return bad(
            f"CUDA_VISIBLE_DEVICES is '{listed}', which hides all {len(devices)} GPUs",
            "unset CUDA_VISIBLE_DEVICES",
        )
    if subject.plan.runtime.processes > len(shown):
        return bad(
            f"{subject.plan.runtime.processes} training processes and {len(shown)} visible GPUs",
            f"set runtime.processes={len(shown)}",
        )
    return good(f"{len(shown)} of {len(devices)} GPUs are visible")


def busy_gpus(subject: Subject) -> Finding:
    """Whether somebody else already computes on the GPUs."""
    devices = subject.machine.gpus
    if not devices:
        return skipped("no GPU")
    busy = [one for one in devices if one.used_bytes > _BUSY_SHARE * one.memory_bytes]
    if busy:
        return doubtful(
            f"{len(busy)} of {len(devices)} GPUs have {busy[0].used_bytes / GIB:.1f} GiB in use",
            "end what is left over there, or choose others with CUDA_VISIBLE_DEVICES",
        )
    return good("the GPUs are free")


def threads(subject: Subject) -> Finding:
    """Whether torch's threads and what else runs here fit the cores; waiting threads starve all."""
    machine = subject.machine
    told = subject.plan.runtime.threads or machine.environ.get("OMP_NUM_THREADS") or machine.cores
    try:
        count = int(told)
    except ValueError:
        return bad(f"OMP_NUM_THREADS is '{told}'", "export OMP_NUM_THREADS=NUMBER")
    if count > machine.cores:
        return bad(
            f"{count} threads on {machine.cores} cores",
            f"set runtime.threads={machine.cores}",
        )
    if machine.load + count > 1.5 * machine.cores and not machine.gpus:
        return doubtful(
            f"{count} threads on {machine.cores} cores whose load is already {machine.load:.1f}",
            "wait until the machine is free, or give each run fewer threads by runtime.threads",
        )
    return good(f"{count} threads on {machine.cores} cores, load {machine.load:.1f}")


def compiler(subject: Subject) -> Finding:
    """Whether what `runtime.compile=true` asks for is there: a C++ compiler, Python's headers."""
    if not subject.plan.runtime.compile:
        return skipped("nothing is to be compiled")
    name = subject.machine.environ.get("CXX", "g++")
    found = subject.machine.which(name)
    if found is None:
        return bad(
            f"no C++ compiler '{name}', and runtime.compile is true",
            "install g++, name another by CXX, or set runtime.compile=false",
        )
    header = subject.machine.headers / "Python.h"
    if not header.is_file():
        return bad(
            f"no {header}, and runtime.compile is true",
            "install Python's headers (python3-dev), or set runtime.compile=false",
        )
    return good(f"{found}, and Python's headers")


def clock(subject: Subject) -> Finding:
    """Whether the clock is right enough for certificates, and that of the disk agrees with it."""
    now = datetime.fromtimestamp(subject.machine.clock(), UTC)
    if now < _EARLIEST:
        return bad(f"the clock says {now:%Y-%m-%d}", "set the clock: secure connections fail")
    with NamedTemporaryFile(dir=subject.plan.outputs) as file:
        skew = Path(file.name).stat().st_mtime - subject.machine.clock()
    if abs(skew) > _SKEW_SECONDS:
        return doubtful(
            f"the disk of the outputs is {skew:+.0f} s from this machine's clock",
            "let both follow one time server: what is newest is told by times of files",
        )
    return good(f"{now:%Y-%m-%d %H:%M} UTC; the disk agrees to {abs(skew):.1f} s")
