"""Watches the policy file of a running worker and adopts what it says, if it is valid."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from schemas.errors import UserError
from streams.domain.policy import Policy
from streams.policy_file import parse_policy
from streams.runtime.environment import SettingsError

log = logging.getLogger(__name__)


def read_policy(file: Path) -> Policy:
    """Read a policy file.

    Raises:
        UserError: It cannot be read, or is not valid.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"LEADLOOP_POLICY_FILE={file} cannot be read: {error}") from error
    return parse_policy(text, str(file))


class PolicyWatch:
    """Compares the file with the policy in force, in a thread of its own.

    A changed content is adopted when it was read twice, unchanged: an editor may be in the middle of writing it. An
    invalid one changes nothing; `fault` says what is wrong with it, until the file is valid again.
    """

    def __init__(
        self,
        file: Path,
        policy: Policy,
        adopt: Callable[[Policy], None],
        report: Callable[[str], None],
        seconds: float,
    ) -> None:
        """Prepare to watch.

        Args:
            file: Of the policy.
            policy: What is in force.
            adopt: Called with a new policy.
            report: Called with what is wrong with the file, once; and with an empty text when it is valid again.
            seconds: Between two looks at the file.
        """
        self.fault = ""
        self._file = file
        self._in_force = policy.digest
        self._adopt = adopt
        self._report = report
        self._seconds = seconds
        self._seen = policy.digest  # what the last look found: a digest, or a message

    def start(self) -> None:
        """Look at the file until the process ends."""
        threading.Thread(target=self._run, name="policy", daemon=True).start()

    def look(self) -> None:
        """Compare the file with what is in force."""
        try:
            policy = read_policy(self._file)
        except UserError as error:
            self._settle(str(error), self._reject)
            return
        self._settle(policy.digest, lambda _: self._accept(policy))

    def _run(self) -> None:
        stopped = threading.Event()
        while not stopped.wait(self._seconds):
            self.look()

    def _settle(self, found: str, then: Callable[[str], None]) -> None:
        if found == self._seen:
            then(found)
        self._seen = found

    def _reject(self, message: str) -> None:
        if self.fault == message:
            return
        self.fault = message
        self._report(message)
        log.error("the policy file is not valid; the last valid policy stays in force:\n%s", message)

    def _accept(self, policy: Policy) -> None:
        if self.fault:
            self.fault = ""
            self._report("")
            log.info("the policy file is valid again")
        if policy.digest == self._in_force:
            return
        self._adopt(policy)
        self._in_force = policy.digest
        log.info("policy %s (%s) is in force", policy.version, policy.digest)
