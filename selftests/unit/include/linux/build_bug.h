/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_BUILD_BUG_H
#define WEFT_UNIT_LINUX_BUILD_BUG_H

#define BUILD_BUG_ON(cond)		_Static_assert(!(cond), #cond)
#define BUILD_BUG_ON_MSG(cond, msg)	_Static_assert(!(cond), msg)
#define static_assert(cond, ...)	_Static_assert(cond, #cond)

#endif
