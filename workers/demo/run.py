"""`leadloop demo`: the whole loop on one machine, with a broker of its own, on generated history or on your files.

The same processes as in production, plus a broker, a Redis and a marketing tool. All of them end with the demo.
"""

import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from streams.policy_file import parse_policy
from workers.console import text_of

from .ending import DemoResult, render_ending
from .page_link import page_link
from .processes import DemoProcesses, demo_processes
from .publishing import DemoOptions, Publishing, import_request_of, mappings_of
from .show import Show
from .walk import commands, exported


def run(options: DemoOptions, console: Console) -> DemoResult:
    """Run the demo, and return the final figures.

    Raises:
        DemoFailed: a process ended too early, or there was no progress for a minute.
        ImportFailure: the files do not match their mapping.
        UserError: the policy cannot be used.
    """
    signal.signal(signal.SIGTERM, _exit)
    mappings = mappings_of(options)
    if options.policy is not None:
        parse_policy(text_of(options.policy), str(options.policy))
    with tempfile.TemporaryDirectory(prefix="leadloop-demo-") as name:
        folder = Path(name)
        console.print("starting a broker, a Redis, a marketing tool and Leadloop's own processes …", style="dim")
        with demo_processes(folder, options.policy, is_staying=options.is_staying) as processes:
            _print_page(console, processes)
            source = import_request_of(options, mappings, folder, console)
            publishing = Publishing(source, processes.bootstrap, options.speed)
            show = Show(processes, publishing, console)
            result = show.run()
            if publishing.summary is not None and publishing.summary.rejected:
                console.print(f"\n{publishing.summary}", markup=False)
            console.print("\n", render_ending(result), sep="")
            if options.is_staying:
                _stay(console, processes)
        return result


def _print_page(console: Console, processes: DemoProcesses) -> None:
    console.print(f"The page: {page_link(processes)}", markup=False, soft_wrap=True)
    console.print("(This link signs in once, within ten minutes, on this machine.)\n", style="dim")


def _stay(console: Console, processes: DemoProcesses) -> None:
    console.print("switching to the wall clock …", style="dim")
    processes.go_live()
    console.print(
        "\n[bold]Staying.[/] The demo is live now: stream time moved from the end of the history to now, and promises"
        " that ended in between are broken. Run these in another shell, one after the other:\n"
    )
    _print_page(console, processes)
    for text in (_exports(processes), commands(), "# Every record from now on:\nleadloop tail --follow"):
        console.print(f"{text}\n", markup=False, soft_wrap=True)
    console.print(f"Logs are in {processes.files.folder}. Ctrl-C ends the demo.", markup=False, soft_wrap=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("bye")


def _exports(processes: DemoProcesses) -> str:
    walk = {
        "INGEST": processes.ingest.address,
        "MARKETING": processes.marketing.address,
        "REPORT": processes.report.address,
        "KEY": processes.files.key,
    }
    ours = {name: processes.env[name] for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "LEADLOOP_APP_ID")}
    ours["PATH"] = f"{Path(sys.executable).parent}:$PATH"
    return f"{exported(walk)}\nexport " + " ".join(f"{name}={value}" for name, value in ours.items())


def _exit(_: int, __: object) -> None:
    raise SystemExit(143)
