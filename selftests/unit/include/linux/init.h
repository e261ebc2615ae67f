/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_UNIT_LINUX_INIT_H
#define WEFT_UNIT_LINUX_INIT_H

#define __init
#define __exit
#define __initdata

#endif
