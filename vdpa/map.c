// SPDX-License-Identifier: GPL-2.0
/*
 * Which address space the queues of a device use, as the bus says.
 *
 * What space.c makes does not change; a map is a new one, in which queues go on.
 */
#include <linux/device/driver.h>
#include <linux/nospec.h>
#include "dev.h"

/* Of the driver that is bound: whether it uses the host's own addresses. */
static bool driver_is_the_kernel(const struct weft_vdpa *dev)
{
	const struct device_driver *drv = READ_ONCE(dev->vdpa.dev.driver);

	return drv && !strcmp(drv->name, "virtio_vdpa");
}

static void lock_vqs(struct weft_vdpa *dev)
{
	int i;

	for (i = 0; i < dev->nvqs; i++)
		mutex_lock_nest_lock(&dev->vqs[i].lock, &dev->lock);
}

static void unlock_vqs(struct weft_vdpa *dev)
{
	int i;

	for (i = dev->nvqs - 1; i >= 0; i--)
		mutex_unlock(&dev->vqs[i].lock);
}

/*
 * Has all queues of an address space go on in another one. Returns that of
 * before, to be freed: it may be large, and needs no lock for that.
 */
static struct weft_space *set_space(struct weft_vdpa *dev, unsigned int asid,
				    struct weft_space *space)
{
	struct weft_space *old = dev->spaces[asid];
	int i;

	lock_vqs(dev);
	dev->spaces[asid] = space;
	for (i = 0; i < dev->nvqs; i++)
		weft_vdpa_vq_remap(&dev->vqs[i]);
	unlock_vqs(dev);
	return old;
}

/**
 * weft_vdpa_map_identity() - gives a driver of the kernel, which maps nothing, all memory
 * @dev: device, locked
 *
 * Its addresses are physical ones. Of other drivers nothing changes.
 *
 * Return: 0; an error, after which the device is of no use until it is reset
 */
int weft_vdpa_map_identity(struct weft_vdpa *dev)
{
	struct weft_space *space;
	int i;

	lockdep_assert_held(&dev->lock);
	if (dev->identity || !driver_is_the_kernel(dev))
		return 0;
	for (i = 0; i < WEFT_GROUPS; i++) {
		space = weft_space_identity();
		if (IS_ERR(space))
			return PTR_ERR(space);
		weft_space_free(set_space(dev, i, space));
		dev->identity = true;
	}
	return 0;
}

/**
 * weft_vdpa_unmap() - drops what was mapped
 * @dev: device, locked
 * @maps: also what a client mapped, which stays over a reset unless it says so
 */
void weft_vdpa_unmap(struct weft_vdpa *dev, bool maps)
{
	int i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < WEFT_GROUPS; i++) {
		if (maps || dev->identity)
			weft_space_free(set_space(dev, i, NULL));
		dev->asid[i] = 0;
	}
	dev->identity = false;
}

/**
 * weft_vdpa_set_map() - takes what is mapped from now on
 * @vdpa: device
 * @asid: address space
 * @iotlb: what is in it
 *
 * Process context. If it fails, nothing is mapped in that space.
 *
 * Return: 0; -EINVAL for a space that is none; errors of weft_space_of() and, in
 * VA mode, weft_space_charge()
 */
int weft_vdpa_set_map(struct vdpa_device *vdpa, unsigned int asid, struct vhost_iotlb *iotlb)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	struct weft_space *space, *old, *unwanted = NULL;
	int ret;

	if (asid >= WEFT_GROUPS)
		return -EINVAL;
	asid = array_index_nospec(asid, WEFT_GROUPS);
	space = weft_space_of(iotlb, vdpa->use_va);
	ret = PTR_ERR_OR_ZERO(space);
	mutex_lock(&dev->lock);
	if (!ret && vdpa->use_va) {
		ret = weft_space_charge(space, dev->spaces[asid], dev->mm);
		unwanted = ret ? space : NULL;
	}
	/* What was there before may be gone, whatever came of the new one. */
	old = set_space(dev, asid, ret ? NULL : space);
	mutex_unlock(&dev->lock);
	weft_space_free(old);
	weft_space_free(unwanted);
	if (ret && !vdpa->use_va && __ratelimit(&dev->limit))
		dev_notice(&vdpa->dev, "memory cannot be mapped (error %d): nothing is, in space %u, and queues in it stop until the device is reset\n",
			   ret, asid);
	if (ret && vdpa->use_va && __ratelimit(&dev->limit))
		dev_notice(&vdpa->dev, "memory cannot be mapped (error %d): with use_va it has to be shared memory (memfd, /dev/shm), not of huge pages, open for writing, not sealed, and less than \"ulimit -l\"\n",
			   ret);
	return ret;
}

#ifdef WEFT_HAVE_VDPA_BIND_MM
/**
 * weft_vdpa_bind_mm() - VA mode: tells whose memory it will be
 * @vdpa: device
 * @mm: of the client, until weft_vdpa_unbind_mm()
 *
 * Return: 0
 */
int weft_vdpa_bind_mm(struct vdpa_device *vdpa, struct mm_struct *mm)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);

	mutex_lock(&dev->lock);
	dev->mm = mm;
	mutex_unlock(&dev->lock);
	return 0;
}

/**
 * weft_vdpa_unbind_mm() - VA mode: ends what weft_vdpa_bind_mm() began
 * @vdpa: device
 */
void weft_vdpa_unbind_mm(struct vdpa_device *vdpa)
{
	weft_vdpa_bind_mm(vdpa, NULL);
}
#endif

#ifdef WEFT_HAVE_VDPA_RESET_MAP
/**
 * weft_vdpa_reset_map() - has nothing mapped in an address space
 * @vdpa: device
 * @asid: which
 *
 * Return: 0; -EINVAL for a space that is none
 */
int weft_vdpa_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	struct weft_space *old;

	if (asid >= WEFT_GROUPS)
		return -EINVAL;
	mutex_lock(&dev->lock);
	old = set_space(dev, array_index_nospec(asid, WEFT_GROUPS), NULL);
	mutex_unlock(&dev->lock);
	weft_space_free(old);
	return 0;
}
#endif

/**
 * weft_vdpa_set_group_asid() - has queues use another address space
 * @vdpa: device
 * @group: of queues, &enum weft_vdpa_group
 * @asid: which
 *
 * Return: 0; -EINVAL for a group or a space that is none
 */
int weft_vdpa_set_group_asid(struct vdpa_device *vdpa, unsigned int group, unsigned int asid)
{
	struct weft_vdpa *dev = to_weft_vdpa(vdpa);
	int i;

	if (group >= WEFT_GROUPS || asid >= WEFT_GROUPS)
		return -EINVAL;
	mutex_lock(&dev->lock);
	lock_vqs(dev);
	dev->asid[array_index_nospec(group, WEFT_GROUPS)] = asid;
	for (i = 0; i < dev->nvqs; i++)
		weft_vdpa_vq_remap(&dev->vqs[i]);
	unlock_vqs(dev);
	mutex_unlock(&dev->lock);
	return 0;
}
