// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X: one vector for the configuration and one for each queue. Where there
 * are fewer, the last queues share one; where there is but one, all do.
 *
 * They are had for as long as there is the device: a lack of them is said to who
 * makes it, and none goes away while a bypass knows it.
 */
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include "virtio_pci.h"

static void call(spinlock_t *lock, const struct vdpa_callback *cb)
{
	unsigned long flags;

	/* Who takes a callback away has it not run any more. */
	spin_lock_irqsave(lock, flags);
	if (cb->callback)
		cb->callback(cb->private);
	spin_unlock_irqrestore(lock, flags);
}

/**
 * weft_vpci_irq_config() - tells the driver that the configuration, or status, changed
 * @dev: device
 */
void weft_vpci_irq_config(struct weft_vpci *dev)
{
	call(&dev->cb_lock, &dev->config_cb);
}

static irqreturn_t handler(int irq, void *arg)
{
	struct weft_vpci_vector *v = arg;
	struct weft_vpci *dev = v->dev;
	int i;

	for (i = v->first; i < v->end; i++)
		call(&dev->vqs[i].cb_lock, &dev->vqs[i].cb);
	if (v->config)
		weft_vpci_irq_config(dev);
	return IRQ_HANDLED;
}

/* Which vector tells of what; the first always of the configuration. */
static void share_out(struct weft_vpci *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++)
		dev->vqs[i].vector = min(i + 1, dev->nvectors - 1);
	for (i = 0; i < dev->nvectors; i++) {
		struct weft_vpci_vector *v = &dev->vectors[i];
		bool last = i == dev->nvectors - 1;

		v->dev = dev;
		v->config = !i;
		v->first = max(i - 1, 0);
		v->end = last ? dev->nvqs : i;
		snprintf(v->name, sizeof(v->name), "%s-%s-%s", KBUILD_MODNAME, pci_name(dev->pdev),
			 !i ? "config" : last && v->end - v->first > 1 ? "queues" : "queue");
	}
}

static void free_vectors(struct weft_vpci *dev, int n)
{
	while (n--)
		free_irq(pci_irq_vector(dev->pdev, n), &dev->vectors[n]);
	pci_free_irq_vectors(dev->pdev);
	kfree(dev->vectors);
	dev->vectors = NULL;
}

/**
 * weft_vpci_irq_init() - has interrupts for all queues, and the configuration
 * @dev: device, which knows its queues
 *
 * Return: 0; -ENOMEM; what the PCI core says, which was put into the log
 */
int weft_vpci_irq_init(struct weft_vpci *dev)
{
	struct device *d = &dev->pdev->dev;
	int i, n, ret;

	n = pci_alloc_irq_vectors(dev->pdev, 1, dev->nvqs + 1, PCI_IRQ_MSIX);
	if (n < 0) {
		dev_err(d, "no MSI-X vector can be had: error %d\n", n);
		return n;
	}
	dev->nvectors = n;
	dev->vectors = kcalloc(n, sizeof(*dev->vectors), GFP_KERNEL);
	if (!dev->vectors) {
		pci_free_irq_vectors(dev->pdev);
		return -ENOMEM;
	}
	share_out(dev);
	for (i = 0; i < n; i++) {
		ret = request_irq(pci_irq_vector(dev->pdev, i), handler, 0, dev->vectors[i].name,
				  &dev->vectors[i]);
		if (ret) {
			dev_err(d, "interrupt %d of %d cannot be had: error %d\n", i, n, ret);
			free_vectors(dev, i);
			return ret;
		}
	}
	if (n < dev->nvqs + 1)
		dev_notice(d, "%d MSI-X vectors for %u queues: those that share one have no bypass\n",
			   n, dev->nvqs);
	return 0;
}

/**
 * weft_vpci_irq_exit() - gives them back
 * @dev: device, which does not run
 */
void weft_vpci_irq_exit(struct weft_vpci *dev)
{
	free_vectors(dev, dev->nvectors);
}

/**
 * weft_vpci_irq_of() - the interrupt that is a queue's alone
 * @dev: device
 * @vq: queue
 *
 * Return: its number; -EOPNOTSUPP if it tells of something else, too
 */
int weft_vpci_irq_of(struct weft_vpci *dev, const struct weft_vpci_vq *vq)
{
	const struct weft_vpci_vector *v = &dev->vectors[vq->vector];

	if (v->config || v->end - v->first != 1)
		return -EOPNOTSUPP;
	return pci_irq_vector(dev->pdev, vq->vector);
}
