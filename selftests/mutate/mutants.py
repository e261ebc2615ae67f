# SPDX-License-Identifier: GPL-2.0
"""What could be left out of a source: each mutant lacks one thing that keeps us safe.

check    an operand of a condition under which a function gives up, or of a predicate
bound    a comparison that is off by one
clamp    a min() or max() of which one side is taken
barrier  a memory barrier
scrub    a memset(), or an assignment of nothing
release  a call that frees, lets go of, locks or forgets something

Of what only a kernel runs, also
lock       a lock that sleeps, taken and let go of in one function, or RCU's
reference  a reference that is taken or given back
and, as a release, what is stopped, taken away, cancelled or waited for. Not the
barriers and the spinlocks there: on one CPU that is not preempted nobody misses them.
"""
import re

IGNORED = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'"
                     r"|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
FUNCTION = re.compile(r"(\w+)\s*\([^;{}]*\)\s*$")
GIVES_UP = re.compile(r"\b(return|goto|break|continue)\b")
RELATION = re.compile(r"(?<![<>=!\-])(<=|>=|<(?!<)|>(?!>))(?!=)")
RELEASE = re.compile(r"(\w*(?:free|forget|leave|unlock|lock|release|destroy|rewind|seal|break)"
                     r"|\w+_put|\w+_get)\(")
SCRUB = re.compile(r"[\w\[\]>*.\-+]+\s*=\s*(?:0|NULL|false|true|WEFT_RING_OK|U64_MAX)\s*;")
# What only a kernel has
LOCK = re.compile(r"\b(\w+_)?(lock|lock_irq|lock_irqsave|lock_bh|down_read|down_write)\(")
GUARD = re.compile(r"\b(scoped_)?guard\s*\(")
REFERENCE = re.compile(r"\b(?:\w+_(?:get|put)|(?:get|put)_\w+|mmgrab|mmdrop|mmput|fput)\(")
TAKEN = re.compile(r"\b(?:get_pid|get_device|get_file|dma_buf_get|pci_dev_get)(?=\()")
END = re.compile(r"\b(?:(?:cancel|flush|synchronize|unregister|remove|unmap|revoke|scrub|stop|reset)_\w+"
                 r"|\w+_(?:flush|stop|end|del|del_init|remove|unregister|unreg|revoke|scrub|reset"
                 r"|detach|hide|exit|cancel|clear|unmap|drop|done|wake|signal)"
                 r"|list_del|kfree_rcu|call_rcu|complete)\(")
LETS_GO = {"lock": "unlock", "lock_irq": "unlock_irq", "lock_irqsave": "unlock_irqrestore",
           "lock_bh": "unlock_bh", "down_read": "up_read",
           "down_write": "up_write"}
OFF = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


class Mutant:
    """One change of a source; two of the same name are told apart by their number."""

    def __init__(self, path, function, kind, edits, text):
        self.path, self.function, self.kind = path, function, kind
        self.edits = edits      # (start, end, what is there instead), in order
        self.start, self.end = edits[0][:2]
        self.text = " ".join(text.split())
        self.number = 1

    def of(self, text):
        """The source, changed."""
        for start, end, new in reversed(self.edits):
            # Each line stays where it is.
            gone = text.count("\n", start, end) - new.count("\n")
            text = text[:start] + new + "\n" * gone + text[end:]
        return text

    @property
    def name(self):
        more = f" #{self.number}" if self.number > 1 else ""
        return f"{self.path} {self.function} {self.kind}: {self.text}{more}"


def blank(found):
    return re.sub(r"[^\n]", " ", found.group())


def closing(code, at):
    """Where the bracket at @at is closed."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
            if not depth:
                return i
    raise ValueError(f"not closed: {code[at:at + 40]}")


def operands(code, start, end, operator):
    """The parts of an expression between operators that are in no bracket of it."""
    parts, depth, at = [], 0, start
    i = start
    while i < end:
        if code[i] in "([{":
            depth += 1
        elif code[i] in ")]}":
            depth -= 1
        elif not depth and code.startswith(operator, i):
            parts.append((at, i))
            i += len(operator)
            at = i
            continue
        i += 1
    parts.append((at, end))
    return [strip(code, *p) for p in parts]


def strip(code, start, end):
    while start < end and code[start].isspace():
        start += 1
    while start < end and code[end - 1].isspace():
        end -= 1
    return start, end


def inside(code, start, end):
    """Without unlikely() and brackets around it all."""
    while True:
        start, end = strip(code, start, end)
        found = re.match(r"(?:un)?likely(?=\()|(?=\()", code[start:end])
        if not found:
            return start, end
        bracket = start + found.end()
        if closing(code, bracket) != end - 1:
            return start, end
        start, end = bracket + 1, end - 1


def statement_end(code, at):
    """Behind the statement that begins at @at."""
    at = strip(code, at, len(code))[0]
    if code[at] == "{":
        return closing(code, at) + 1
    while code[at] != ";":
        at = closing(code, at) + 1 if code[at] in "([{" else at + 1
    return at + 1


def begins_statement(code, at):
    before = code[:at].rstrip()
    return (before[-1:] in (";", "{", "}", ")", ":") and before[-2:] != "?:" or
            before.endswith(("else", "do")))


class Source:
    """A source, and what could be left out of it."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.code = IGNORED.sub(blank, text)
        self.functions = list(self.find_functions())
        self.mutants = []

    def find_functions(self):
        at = 0
        while (opening := self.code.find("{", at)) >= 0:
            end = closing(self.code, opening)
            before = self.code[max(self.code.rfind(c, 0, opening) for c in ";}") + 1:opening]
            if found := FUNCTION.search(before):
                yield found.group(1), opening, end
            at = end + 1

    def add(self, kind, start, end, new, text=None):
        for name, opening, closed in self.functions:
            if opening < start < closed:
                self.mutants.append(Mutant(self.path, name, kind, [(start, end, new)],
                                           text or self.text[start:end]))
                return

    def without(self, start, end, value):
        """A condition that is looked at, and is always @value."""
        start, end = inside(self.code, start, end)
        what = self.text[start:end]
        self.add("check", start, end, f"(({what}) {'|| 1' if value else '&& 0'})")

    def conditions(self):
        for found in re.finditer(r"\b(if|while|for)\s*\(", self.code):
            opening = found.end() - 1
            end = closing(self.code, opening)
            start = opening + 1
            if found.group(1) == "for":
                parts = operands(self.code, start, end, ";")
                if len(parts) == 3:
                    self.relations(*parts[1])
                continue
            start, end = inside(self.code, start, end)
            if found.group(1) == "while":
                self.relations(start, end)
                continue
            body = self.code[end + 1:statement_end(self.code, closing(self.code, opening) + 1)]
            if not GIVES_UP.search(body):
                continue
            for part in operands(self.code, start, end, "||"):
                self.without(*part, False)
            self.relations(start, end)

    def predicates(self):
        for found in re.finditer(r"\breturn\b([^;?]*);", self.code):
            start, end = strip(self.code, *found.span(1))
            for operator, value in (("||", False), ("&&", True)):
                parts = operands(self.code, start, end, operator)
                if len(parts) > 1:
                    for part in parts:
                        self.without(*part, value)
                    break
            self.relations(start, end)

    def relations(self, start, end):
        for found in RELATION.finditer(self.code, start, end):
            self.add("bound", *found.span(1), OFF[found.group(1)],
                     f"{found.group(1)} in {self.text[start:end]}")

    def clamps(self):
        for found in re.finditer(r"\b(min|max)(_t)?\s*\(", self.code):
            opening = found.end() - 1
            end = closing(self.code, opening)
            parts = operands(self.code, opening + 1, end, ",")
            cast = f"({self.text[slice(*parts.pop(0))]})" if found.group(2) else ""
            if len(parts) == 2:
                for part in parts:
                    what = self.text[slice(*part)]
                    self.add("clamp", found.start(), end + 1, f"({cast}({what}))",
                             f"{what} of {self.text[found.start():end + 1]}")

    def statements(self):
        for found in re.finditer(r"\bsmp_(mb|rmb|wmb)\(\);", self.code):
            self.add("barrier", *found.span(), ";")
        for found in re.finditer(r"\bsmp_load_acquire(?=\()", self.code):
            end = closing(self.code, found.end())
            what = self.text[found.end():end + 1]
            self.add("barrier", found.start(), end + 1, f"READ_ONCE(*{what})")
        for pattern, kind in ((re.compile(r"\bmemset\("), "scrub"), (RELEASE, "release")):
            for found in pattern.finditer(self.code):
                end = closing(self.code, found.end() - 1) + 1
                if self.code[end] == ";" and begins_statement(self.code, found.start()):
                    self.add(kind, found.start(), end + 1, ";")
        for found in SCRUB.finditer(self.code):
            if begins_statement(self.code, found.start()):
                self.add("scrub", *found.span(), ";")

    def calls(self, pattern, start=0, end=None):
        """Calls that are statements: where they begin, their argument and where they end."""
        for found in pattern.finditer(self.code, start, len(self.code) if end is None else end):
            close = closing(self.code, found.end() - 1)
            if self.code[close + 1] == ";" and begins_statement(self.code, found.start()):
                yield found, self.code[found.end():close].strip(), close + 2

    def locks(self):
        for name, opening, closed in self.functions:
            for found, what, end in self.calls(LOCK, opening, closed):
                if found.group(1) == "spin_":
                    continue
                edits = [(found.start(), end, ";")]
                unlock = (found.group(1) or "") + LETS_GO[found.group(2)]
                # Ours takes a mutex that is within what it is given.
                other = re.compile(rf"\b(?:{unlock}|mutex_unlock)\(")
                same = (what, f"&{what}->lock", f"{what}.lock")
                edits += [(f.start(), e, ";") for f, w, e in self.calls(other, opening, closed)
                          if w in same]
                self.mutants.append(Mutant(self.path, name, "lock", sorted(edits),
                                           self.text[found.start():end]))
        for found in GUARD.finditer(self.code):
            if self.code.startswith("spin", found.end()):
                continue
            end = closing(self.code, found.end() - 1) + 1
            if found.group(1):
                self.add("lock", found.start(), end, "")
            else:
                end = closing(self.code, end) + 2
                self.add("lock", found.start(), end, ";")

    def references(self):
        for found, _, end in self.calls(REFERENCE):
            self.add("reference", found.start(), end, ";")
        for found in TAKEN.finditer(self.code):
            if not begins_statement(self.code, found.start()):
                self.add("reference", *found.span(), "")

    def ends(self):
        for found, _, end in self.calls(END):
            self.add("release", found.start(), end, ";")


def mutants_of(path, text, kernel=False):
    source = Source(path, text)
    source.conditions()
    source.predicates()
    source.clamps()
    source.statements()
    if kernel:
        # One thing of what is taken and given back would be missed at once.
        pair = re.compile(r"\b\w*?_?(?:un)?lock(?:_\w+)?\(|\b\w*?(?:_put|_get)\(")
        source.mutants = [m for m in source.mutants
                          if m.kind != "barrier" and
                          (m.kind != "release" or not pair.match(text, m.start))]
        source.locks()
        source.references()
        source.ends()
    found, seen = sorted(source.mutants, key=lambda m: (m.start, m.end)), {}
    for m in found:
        name = (m.function, m.kind, m.text)
        m.number = seen[name] = seen.get(name, 0) + 1
    return found
