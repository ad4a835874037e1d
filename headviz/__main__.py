"""``python -m headviz`` is ``headviz``: it listens for Ctrl-C before anything else is imported."""


def start() -> int:
    """Run the command line; returns its exit code. Whatever a library makes of Ctrl-C in the middle of an import, it
    ends with 130 and one sentence."""
    interrupts = []
    try:
        import signal
        import threading

        def interrupt(number: int, frame: object) -> None:
            interrupts.append(number)
            raise KeyboardInterrupt

        alone = threading.current_thread() is threading.main_thread()
        if alone and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
        from headviz.cli import main

        code = main(interrupted=lambda: bool(interrupts))
    except BaseException as error:
        import sys

        if not interrupts and not isinstance(error, KeyboardInterrupt):
            raise
        if sys.stderr is not None:
            sys.stderr.write("headviz: interrupted; nothing half-written is left.\n")
        code = 130
    return code


if __name__ == "__main__":
    import sys

    sys.exit(start())
