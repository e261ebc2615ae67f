// SPDX-License-Identifier: GPL-2.0
// How much was not copied is looked at.
// Options: --no-includes --include-headers

virtual report

@unchecked@
identifier copy =~ "^(copy_(from|to)_user|clear_user|get_user|put_user)$";
position p;
@@

copy@p(...);

@script:python depends on report@
p << unchecked.p;
@@

coccilib.report.print_report(p[0], "nobody asks whether that could be copied")
