"""`python -m streams` that ends by `os._exit` at a named step: LEADLOOP_CRASH is point:nth. Only tests start it."""

import os

from streams.runtime.signals import exit_quietly_until_started

exit_quietly_until_started()

from streams.__main__ import main  # noqa: E402  signals first, as in streams
from tests.component.engine.crash import install  # noqa: E402

install(os.environ.pop("LEADLOOP_CRASH"))
main()
