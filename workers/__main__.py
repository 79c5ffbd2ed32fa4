"""`leadloop`, and `python -m workers`: an interrupt while the program loads ends it at once, without a traceback."""

import signal


def main() -> None:
    """Entry point of the console script."""
    is_interruptible = (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )  # false in the background of a script
    if is_interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from workers.cli import main as run  # noqa: PLC0415  takes a moment, before anything has started

    if is_interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
