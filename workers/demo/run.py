"""`leadloop demo`: the whole loop on one machine, with a broker of its own, on generated history or on your files.

The same parts as in production, each in a process of its own, and beside them what they would meet there: a broker, a
Redis, a marketing tool. All of them end with the demo, however it ends.
"""

import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from streams.policy_file import parse_policy
from workers.console import text_of

from .figures import FunnelSnapshot
from .processes import DemoProcesses, crew
from .publishing import DemoOptions, Publishing, mappings_of, what_to_import
from .screen import ending
from .show import Show
from .walk import commands, exported


def run(asked: DemoOptions, console: Console) -> FunnelSnapshot:
    """Run it to its end; returns the numbers at the end.

    Raises:
        DemoFailed: when a part ends before its time, or nothing moves for a minute.
        ImportFault: when the files and their mapping do not fit.
        Refused, PolicyError: when the policy cannot be used.
    """
    signal.signal(signal.SIGTERM, _leave)
    mappings = mappings_of(asked)
    if asked.policy is not None:
        parse_policy(text_of(asked.policy), str(asked.policy))
    with tempfile.TemporaryDirectory(prefix="leadloop-demo-") as name:
        folder = Path(name)
        console.print("starting a broker, a Redis, a marketing tool and Leadloop's own processes …", style="dim")
        with crew(folder, asked.policy, is_staying=asked.is_staying) as found:
            source = what_to_import(asked, mappings, folder, console)
            publishing = Publishing(source, found.bootstrap, asked.speed)
            show = Show(found, publishing, console)
            picture, outside = show.run()
            if publishing.summary is not None and publishing.summary.rejected:
                console.print(f"\n{publishing.summary}", markup=False)
            console.print(ending(picture, outside, show.waiting))
            if asked.is_staying:
                _stay(console, found)
        return picture


def _stay(console: Console, found: DemoProcesses) -> None:
    console.print("going over to the clock on the wall …", style="dim")
    found.go_live()
    console.print(
        "\n[bold]Staying.[/] It is live now: time went on from the end of the history to this moment, and what was"
        " still promised then is broken. In another shell, one after the other:\n"
    )
    for text in (_exports(found), commands(), "# What travels, from now on:\nleadloop tail --follow"):
        console.print(f"{text}\n", markup=False, soft_wrap=True)
    console.print(f"Logs are in {found.props.folder}. Ctrl-C ends it.", markup=False, soft_wrap=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("bye")


def _exports(found: DemoProcesses) -> str:
    walk = {
        "INGEST": found.ingest.address,
        "MARKETING": found.marketing.address,
        "REPORT": found.report.address,
        "KEY": found.props.key,
    }
    ours = {name: found.env[name] for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "LEADLOOP_APP_ID")}
    ours["PATH"] = f"{Path(sys.executable).parent}:$PATH"
    return f"{exported(walk)}\nexport " + " ".join(f"{name}={value}" for name, value in ours.items())


def _leave(_: int, __: object) -> None:
    raise SystemExit(143)
