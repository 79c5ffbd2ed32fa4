"""The peer that ingest is measured beside: FastAPI and a producer as one writes them in an afternoon.

It checks nothing, knows nobody, writes JSON as it came, and answers when the broker has acked all of a request.
"""

import asyncio
import json
import sys
import threading
from typing import Any

import uvicorn
from confluent_kafka import Producer
from fastapi import FastAPI

Event = dict[str, Any]


def app_of(bootstrap: str, topic: str) -> FastAPI:
    """POST /v1/events of one event, or of a list."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 2, "log_level": 2})
    threading.Thread(target=lambda: _poll(producer), daemon=True).start()
    app = FastAPI()

    @app.post("/v1/events", status_code=202)
    async def post(events: Event | list[Event]) -> dict[str, int]:
        sent = events if isinstance(events, list) else [events]
        loop, done, left = asyncio.get_running_loop(), asyncio.Event(), len(sent)

        def heard(_: object, __: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                loop.call_soon_threadsafe(done.set)

        for event in sent:
            producer.produce(topic, json.dumps(event), event["lead_id"], on_delivery=heard)
        await done.wait()
        return {"accepted": len(sent)}

    return app


def _poll(producer: Producer) -> None:
    while True:
        producer.poll(0.1)


if __name__ == "__main__":
    _, bootstrap, topic, port = sys.argv
    uvicorn.run(app_of(bootstrap, topic), port=int(port), access_log=False, log_level="warning", http="h11")
