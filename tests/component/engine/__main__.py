"""Starts the job of the component tests as a product's process starts: signals first, then the heavy imports."""

from streams.runtime.signals import exit_quietly_until_started

exit_quietly_until_started()

from tests.component.engine.job import main  # noqa: E402  see above

main()
