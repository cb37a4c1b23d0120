"""Redis' protocol, as much as starting and looking at a cluster takes."""

import socket


class RedisError(Exception):
    """What the server answered with '-'."""


class Connection:
    def __init__(self, port, user=None, password=None, seconds=2.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.file = self.socket.makefile("rb")
        try:
            if user is not None:
                self.call("AUTH", user, password)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def call(self, *words):
        encoded = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        return self._reply()

    def _reply(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            content = self.file.read(int(rest) + 2)
            return content[:-2].decode(errors="replace")
        if kind == b"*":
            return None if int(rest) < 0 else [self._reply() for _ in range(int(rest))]
        raise ConnectionError(f"no reply of Redis: {line[:80]!r}")


def fields(text):
    """INFO and CLUSTER INFO as a dict."""
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
