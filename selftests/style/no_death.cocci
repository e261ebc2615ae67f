// SPDX-License-Identifier: GPL-2.0
// The machine that runs other people's guests does not die of what we find in
// one: no BUG(), and no panic().
// Options: --no-includes --include-headers

virtual report

@death@
position p;
@@

(
BUG@p(...)
|
BUG_ON@p(...)
|
panic@p(...)
)

@script:python depends on report@
p << death.p;
@@

coccilib.report.print_report(p[0], "ends the machine")
