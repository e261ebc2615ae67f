# SPDX-License-Identifier: GPL-2.0
"""Requests of the machine to the QEMU that it runs in.

The machine sends one JSON object a line and gets one back for each:
  {"execute": NAME, "arguments": {...}}   a QMP command
  {"wait": EVENT, "timeout": SECONDS}     an event, past or to come
Names of files below /results mean those of the results folder outside.
"""

import json
import time


class Bridge:
    def __init__(self, to_qemu, to_machine, results):
        self._to_qemu = to_qemu
        self._to_machine = to_machine
        self._results = results
        self._from_qemu = b""
        self._from_machine = b""
        self._events = []
        self._queue = []
        self._busy = False
        self._wait = None
        self._send({"execute": "qmp_capabilities", "id": "hello"})

    def _send(self, obj):
        self._to_qemu.sendall(json.dumps(obj).encode() + b"\n")

    def _reply(self, obj):
        self._busy = False
        self._to_machine.sendall(json.dumps(obj).encode() + b"\n")
        self._next()

    def _outside(self, value):
        if isinstance(value, dict):
            return {k: self._outside(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._outside(v) for v in value]
        if isinstance(value, str) and value.startswith("/results/"):
            return self._results + value[len("/results"):]
        return value

    def _next(self):
        if self._busy or not self._queue:
            return
        line = self._queue.pop(0)
        self._busy = True
        try:
            req = json.loads(line)
            if "wait" in req:
                self._wait = (req["wait"], time.monotonic() + float(req.get("timeout", 30)))
                self.tick()
                return
            req = {"execute": req["execute"], "arguments": self._outside(req.get("arguments", {})),
                   "id": "outer"}
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            self._reply({"error": {"class": "BadRequest", "desc": f"{e!r} in {line!r}"}})
            return
        self._send(req)

    def tick(self):
        """Answers a wait whose event is there, or whose time is up."""
        if self._wait is None:
            return
        name, until = self._wait
        for e in self._events:
            if e["event"] == name:
                self._events.remove(e)
                self._wait = None
                self._reply({"return": e})
                return
        if time.monotonic() > until:
            self._wait = None
            self._reply({"error": {"class": "Timeout", "desc": f"no event {name}"}})

    def from_qemu(self, data):
        self._from_qemu += data
        *lines, self._from_qemu = self._from_qemu.split(b"\n")
        for line in lines:
            msg = json.loads(line)
            if "event" in msg:
                self._events.append(msg)
                self.tick()
            elif msg.get("id") == "outer":
                msg.pop("id")
                self._reply(msg)

    def from_machine(self, data):
        self._from_machine += data
        *lines, self._from_machine = self._from_machine.split(b"\n")
        self._queue += [li.decode(errors="replace") for li in lines if li.strip()]
        self._next()
