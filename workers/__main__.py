"""`leadloop`, and `python -m workers`: who is told to end while it loads ends at once, without a word."""

import signal


def main() -> None:
    """Entry point of the console script."""
    may_be_told = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so in the background of a script
    if may_be_told:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from workers.cli import main as run  # noqa: PLC0415  takes a moment, in which nothing has begun yet

    if may_be_told:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
