/* SPDX-License-Identifier: GPL-2.0 */
/* A PCI function of which the fuzzer says what it is like. */
#ifndef WEFT_FUZZ_LINUX_PCI_H
#define WEFT_FUZZ_LINUX_PCI_H

#include <linux/kernel.h>
#include <linux/types.h>

#define PAGE_SIZE		4096UL
#define PCI_STD_NUM_BARS	6
#define IORESOURCE_MEM		0x200UL

struct device {
	int nothing;
};

struct pci_dev {
	struct device dev;
	u64 start[PCI_STD_NUM_BARS];
	u64 len[PCI_STD_NUM_BARS];
	bool master;
};

#define pci_resource_flags(pdev, i)	((pdev)->len[i] ? IORESOURCE_MEM : 0)
#define pci_resource_start(pdev, i)	((pdev)->start[i])
#define pci_resource_len(pdev, i)	((pdev)->len[i])
#define pci_resource_end(pdev, i)	((pdev)->start[i] + (pdev)->len[i] - 1)

int pci_read_config_dword(struct pci_dev *pdev, int where, u32 *val);
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
#define dev_notice_ratelimited(d, ...)	weft_fuzz_log(d, __VA_ARGS__)

static inline void cond_resched(void)
{
}

#endif
