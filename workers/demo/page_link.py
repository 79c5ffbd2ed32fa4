"""The address of the demo's web page: a link that signs in once."""

import json
from urllib.request import Request, urlopen

from .processes import DemoProcesses

SECONDS = 10.0


def page_link(processes: DemoProcesses) -> str:
    """Make a link for the demo's key; raises OSError if the report process does not answer."""
    address = processes.report.wait_for_address()
    headers = {"Authorization": f"Bearer {processes.files.key}"}
    request = Request(f"{address}/sign-in/links", method="POST", headers=headers)  # noqa: S310  one of our processes
    with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return address + str(json.loads(answer.read())["path"])
