"""Start replicas: `python -m core.remote --help` lists the flags."""

from __future__ import annotations

import argparse
import signal
import threading

from core.remote.serving import NAME, deployed, imported


def main() -> None:
    """Start replicas, say where they are, and end them when interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--replicas", type=int, default=2, help="how many (default 2)")
    add("--address", help="of a cluster of Ray, or auto (default: one of its own)")
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--threads", type=int, default=1, help="threads of one network call (default 1)")
    add("--gpus", type=float, default=0, help="of each replica (default 0)")
    add("--downloads", action="store_true", help="let replicas fetch models from the hub")
    flags = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        address = deployed(**vars(flags))
        print(f"{flags.replicas} replicas answer: python app.py --cluster {address}", flush=True)
        threading.Event().wait()
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        ray, serve = imported()
        serve.delete(NAME) if flags.address else serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
