# SPDX-License-Identifier: GPL-2.0
"""What the tests of the EDID against other people's tools share."""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get("WEFT_UNIT_OUT", os.path.join(TOP, "build/unit"))
TOOL = os.path.join(OUT, "edidtool")
MIB = 1 << 20


class Skip(Exception):
    pass


class Failed(Exception):
    pass


def run(*args, data=None):
    return subprocess.run([str(a) for a in args], input=data, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)


def need(tool):
    if not shutil.which(tool):
        raise Skip(f"{tool} is not installed")


def generate(vram, *pref):
    result = run(TOOL, "generate", vram, *pref)
    if result.returncode:
        raise Failed(f"generate {vram} {pref}: {result.stdout.decode()}")
    return result.stdout


def main(*tests):
    """Run the functions; their first lines say what they are about."""
    print(f"KTAP version 1\n1..{len(tests)}")
    # Two tests at once must not make it under each other's hands.
    os.makedirs(OUT, exist_ok=True)
    made = run("flock", TOOL + ".lock", "make", "-s", "-C", HERE, f"out={OUT}", TOOL)
    bad = 0
    for n, test in enumerate(tests, 1):
        try:
            if made.returncode:
                raise Failed(made.stdout.decode())
            test()
            print(f"ok {n} {test.__doc__}")
        except Skip as skip:
            print(f"ok {n} {test.__doc__} # SKIP {skip}")
        except (Failed, subprocess.TimeoutExpired) as failed:
            print("# " + str(failed).replace("\n", "\n# "))
            print(f"not ok {n} {test.__doc__}")
            bad = 1
        sys.stdout.flush()
    return bad
