// SPDX-License-Identifier: GPL-2.0
// Sizes that are a product are asked for as an array, which looks at overflow.
// Options: --no-includes --include-headers

virtual report

@product@
expression n;
type T;
expression e;
position p;
identifier alloc =~ "^(kv?[mz]alloc|v[mz]alloc|vmalloc_user)$";
@@

(
alloc@p(sizeof(T) * (n), ...)
|
alloc@p(sizeof(e) * (n), ...)
|
alloc@p((n) * sizeof(T), ...)
|
alloc@p((n) * sizeof(e), ...)
)

@script:python depends on report@
p << product.p;
@@

coccilib.report.print_report(p[0], "a size that is a product: use an array allocation")
