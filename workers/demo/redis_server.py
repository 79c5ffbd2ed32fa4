"""A Redis for the demo: fakeredis' TCP server, as a process. In memory, in Python, without Lua scripts.

python -m workers.demo.redis_server      prints redis://host:port/0, runs until SIGTERM
"""

import signal
import sys
import threading
from types import FrameType

from fakeredis import TcpFakeServer


def main() -> None:
    """Serve on a free port of this machine."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True  # open connections do not delay its end
    threading.Thread(target=server.serve_forever, name="redis", daemon=True).start()
    sys.stdout.write(f"redis://127.0.0.1:{server.server_address[1]}/0\n")
    sys.stdout.flush()
    while True:
        signal.pause()


def _exit(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
