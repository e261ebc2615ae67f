/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WEFT_COMPAT_LINUX_SHMEM_FS_H
#define WEFT_COMPAT_LINUX_SHMEM_FS_H

#include_next <linux/shmem_fs.h>

/* v6.2: before, a page was read, of whatever folio */
#ifndef WEFT_HAVE_SHMEM_READ_FOLIO
static inline struct folio *shmem_read_folio(struct address_space *mapping, pgoff_t index)
{
	struct page *page = shmem_read_mapping_page(mapping, index);

	return IS_ERR(page) ? ERR_CAST(page) : page_folio(page);
}
#endif

#endif
