"""What a process was started with, also of one that ends meanwhile."""

import psutil


def command_line(process: psutil.Process) -> str:
    """Return the arguments with blanks between them; nothing of a process that has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie, which waits to be asked how it ended, is one too
        return ""
