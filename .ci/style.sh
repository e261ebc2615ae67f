#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# checkpatch.pl --strict, sparse, and the compiler at W=1.

set -euo pipefail
exec "$(dirname "$0")/../selftests/check" --lane style </dev/null
