/* SPDX-License-Identifier: GPL-2.0 */
/* A PCI function of which the fuzzer says what it is like. */
#ifndef WEFT_FUZZ_LINUX_PCI_H
#define WEFT_FUZZ_LINUX_PCI_H

#include <linux/kernel.h>
#include <linux/types.h>

#define PAGE_SIZE		4096UL

struct device {
	int nothing;
};

struct pci_dev {
	struct device dev;
	bool master;
};

void pci_iounmap(struct pci_dev *pdev, void *p);

static inline void pci_set_master(struct pci_dev *pdev)
{
	pdev->master = true;
}

static inline void pci_clear_master(struct pci_dev *pdev)
{
	pdev->master = false;
}

static inline const char *dev_name(const struct device *d)
{
	return "fuzz";
}

/* Formats are checked, and nothing is said. */
#define weft_fuzz_log(d, ...)	do { (void)(d); if (0) weft_unit_log(__VA_ARGS__); } while (0)
#define dev_err(d, ...)			weft_fuzz_log(d, __VA_ARGS__)
#define dev_notice(d, ...)		weft_fuzz_log(d, __VA_ARGS__)
#define dev_notice_ratelimited(d, ...)	weft_fuzz_log(d, __VA_ARGS__)

static inline void cond_resched(void)
{
}

#endif
