"""Run inside a pod: which of the addresses given as arguments take a TCP connection. Prints JSON.

It needs Python alone, as it runs in images that have nothing else.
"""

import concurrent.futures
import json
import socket
import sys

TIMEOUT = 3.0  # seconds; a policy may drop silently


def opens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), TIMEOUT):
            return True
    except OSError:
        return False


def main() -> None:
    addresses = sys.argv[1:]
    with concurrent.futures.ThreadPoolExecutor(len(addresses)) as pool:
        found = dict(zip(addresses, pool.map(opens, addresses), strict=True))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
