"""Records in the topic `policy-versions` which policy a worker follows, so that readers know what applied when.

Appended only if the newest record of the application has another content: a restart adds nothing, and of several
workers that adopt a change the first one records it (two at the same moment may both do; readers take them for one).
Nothing waits for it: leads are processed whether Kafka takes the record or not.
"""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.errors import UserError
from schemas.names import lookup_group
from schemas.policy_versions import TOPIC, PolicyVersion, decoded
from streams.domain.policy import Policy
from streams.policy_file import parse_policy

AGAIN_SECONDS = 30.0
ANSWER_SECONDS = 20.0
log = logging.getLogger(__name__)


class PolicyRecord:
    """Writes the record of one worker, in a thread of its own.

    Args:
        conf: librdkafka's connection settings.
        prefix: Of topics.
        app_id: Of the application.
        file: Of the policy; None: the default policy is followed.
    """

    def __init__(self, conf: Mapping[str, Any], prefix: str, app_id: str, file: Path | None) -> None:
        self._conf = conf
        self._topic = prefix + TOPIC
        self._app_id = app_id
        self._file = file
        self._noted: SimpleQueue[PolicyVersion] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="policy-record", daemon=True)

    def start(self) -> None:
        """Write what is noted until the process ends."""
        self._thread.start()

    def note(self, policy: Policy) -> None:
        """This worker follows a policy from now on."""
        text = self._text_of(policy)
        if text is not None:
            at = time.time_ns() // 1_000_000
            self._noted.put(
                PolicyVersion(app_id=self._app_id, version=policy.version, digest=policy.digest, at=at, text=text)
            )

    def _text_of(self, policy: Policy) -> str | None:
        """The content of the file; None if it was changed again meanwhile, which whoever watches it finds next."""
        if self._file is None:
            return f"version: {policy.version}\n"
        try:
            text = self._file.read_text(encoding="utf-8")
            return text if parse_policy(text, str(self._file)).digest == policy.digest else None
        except (OSError, UnicodeDecodeError, UserError):
            return None

    def _run(self) -> None:
        while True:
            noted = self._noted.get()
            told = ""
            while (trouble := self._tried(noted)) is not None:
                if trouble != told:
                    log.warning("which policy is in force is not recorded in %s yet: %s", self._topic, trouble)
                    told = trouble
                time.sleep(AGAIN_SECONDS)

    def _tried(self, noted: PolicyVersion) -> str | None:
        """Why it could not be recorded; None: it is."""
        try:
            newest = self._newest()
            if newest is None or newest.digest != noted.digest:
                self._append(noted)
        except KafkaException as error:
            return str(error.args[0])
        return None

    def _newest(self) -> PolicyVersion | None:
        """The newest record of this application."""
        group = {"group.id": lookup_group(), "enable.auto.commit": False, "enable.partition.eof": True}
        consumer = Consumer({**self._conf, **group})
        try:
            found = consumer.list_topics(self._topic, timeout=ANSWER_SECONDS).topics[self._topic]
            if found.error:
                raise KafkaException(found.error)
            low, _ = consumer.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=ANSWER_SECONDS)
            consumer.assign([TopicPartition(self._topic, 0, low)])
            return self._last_of(consumer)
        finally:
            consumer.close()

    def _last_of(self, consumer: Consumer) -> PolicyVersion | None:
        newest = None
        while True:
            message = consumer.poll(ANSWER_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001  # librdkafka's own codes
            error = message.error()
            if error is None:
                known = decoded(message.value())
                newest = known if known is not None and known.app_id == self._app_id else newest
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                return newest
            else:
                raise KafkaException(error)

    def _append(self, noted: PolicyVersion) -> None:
        faults: list[KafkaError] = []
        producer = Producer({**self._conf, "delivery.timeout.ms": int(ANSWER_SECONDS * 1000)})
        producer.produce(
            self._topic,
            msgspec.json.encode(noted),
            self._app_id.encode(),
            partition=0,
            on_delivery=lambda error, _: faults.append(error) if error else None,
        )
        if producer.flush(2 * ANSWER_SECONDS):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        if faults:
            raise KafkaException(faults[0])
