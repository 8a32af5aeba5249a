"""The entry point of the command line, which answers Ctrl-C at any moment.

Loading the libraries takes longer than many a command, and a KeyboardInterrupt raised in the midst
of it ends in a traceback of theirs, or is lost. So this module imports next to nothing, and puts
its handler in place before all else. Ctrl-C ends with one line and exit code 130 whenever it comes.
"""

import _thread
import atexit
import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

_STOPPED = 130
_LINE = b"rag: stopped; what was finished is kept.\n"
_RETRY_SECONDS = 0.05


class _Interrupts:
    """What Ctrl-C does: end the process at once, or raise KeyboardInterrupt inside the command.

    It is raised only while `raising` is true, that is while a command runs, and once: the command
    cleans up, and a second Ctrl-C ends the process without waiting for that.
    """

    def __init__(self) -> None:
        self.raising = False
        self._delayed = False
        self._again = False  # this call comes from `_retry`, not from the user

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self._again = self._again, False
        if not self.raising or (self._delayed and not again):
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _LINE)
            os._exit(_STOPPED)
        if _is_importing(frame):
            self._delayed = True
            _thread.start_new_thread(self._retry, ())
            return
        self.raising = self._delayed = False
        raise KeyboardInterrupt

    def swallowed(self) -> None:
        """Raise again soon: this interrupt came in a finalizer, which no exception can leave."""
        self.raising = self._delayed = True
        _thread.start_new_thread(self._retry, ())

    def _retry(self) -> None:
        time.sleep(_RETRY_SECONDS)
        self._again = True
        _thread.interrupt_main()


def _is_importing(frame: FrameType | None) -> bool:
    """Return whether a module is being imported, which must not be interrupted half-way."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def run_and_exit(*before: str) -> None:
    """Run the command line with the arguments of the process, and end the process.

    `before` are arguments that stand in front of them.
    """
    # Where SIGINT is ignored, as for a job of `nohup`, it stays so.
    interrupts = _Interrupts()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupts)
    # Registered first, so it runs last. What would follow is the interpreter's own clean-up, in
    # which Ctrl-C ends in a traceback or in death by the signal.
    code = 1  # where a fault of ours ends in a traceback
    atexit.register(lambda: _exit(code))
    show = sys.unraisablehook

    def hook(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            interrupts.swallowed()
        else:
            show(unraisable)

    sys.unraisablehook = hook

    from rag.cli.main import main

    interrupts.raising = True
    try:
        try:
            code = main([*before, *sys.argv[1:]])
        except SystemExit as end:  # argparse shows the help or refuses an option
            code = end.code if isinstance(end.code, int) else 0
        finally:
            interrupts.raising = False
    except KeyboardInterrupt:  # it came between two lines of this function
        os.write(2, _LINE)
        code = _STOPPED
    sys.exit(code)


def _exit(code: int) -> None:
    """End the process; what is written is flushed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has left, or it is closed
            stream.flush()
    os._exit(code)
