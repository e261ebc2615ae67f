// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs - attributes of adapters and instances, see Documentation/ABI/testing/
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/mdev.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/string_helpers.h>
#include <linux/sysfs.h>
#include <linux/uuid.h>

#include "adapter.h"
#include "instance.h"
#include "sysfs.h"

/* Adapters */

static struct weft_adapter *dev_adapter(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t enabled_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(dev_adapter(dev)->enabled));
}

static ssize_t enabled_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct weft_adapter *adapter = dev_adapter(dev);
	bool enabled;
	int ret;

	ret = kstrtobool(buf, &enabled);
	if (ret)
		return weft_refuse(dev, &adapter->reason, ret,
				   "enabled: write 0 or 1");
	scoped_guard(mutex, &adapter->lock)
		adapter->enabled = enabled;
	return count;
}
static DEVICE_ATTR_RW(enabled);

static ssize_t ready_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	char why[128];

	return sysfs_emit(buf, "%d\n", weft_adapter_ready(dev_adapter(dev), why,
							  sizeof(why)));
}
static DEVICE_ATTR_RO(ready);

static ssize_t reason_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	char why[128];

	weft_adapter_ready(dev_adapter(dev), why, sizeof(why));
	return sysfs_emit(buf, "%s\n", why);
}
static DEVICE_ATTR_RO(reason);

static ssize_t adapter_last_error_show(struct device *dev,
				       struct device_attribute *attr, char *buf)
{
	return weft_reason_show(&dev_adapter(dev)->reason, buf);
}

static struct device_attribute dev_attr_adapter_last_error =
	__ATTR(last_error, 0444, adapter_last_error_show, NULL);

static ssize_t vram_total_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", dev_adapter(dev)->slices.bytes);
}
static DEVICE_ATTR_RO(vram_total);

static ssize_t vram_free_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct weft_adapter *adapter = dev_adapter(dev);

	guard(mutex)(&adapter->lock);
	return sysfs_emit(buf, "%llu\n",
			  weft_parent_free_bytes(&adapter->slices));
}
static DEVICE_ATTR_RO(vram_free);

static struct attribute *adapter_attrs[] = {
	&dev_attr_enabled.attr,
	&dev_attr_ready.attr,
	&dev_attr_reason.attr,
	&dev_attr_adapter_last_error.attr,
	&dev_attr_vram_total.attr,
	&dev_attr_vram_free.attr,
	NULL,
};

static const struct attribute_group adapter_group = {
	.name = "weft",
	.attrs = adapter_attrs,
};

/**
 * weft_sysfs_add_adapter - give an adapter its attributes
 * @adapter: its driver data is set, and it has its slices
 *
 * Not by the driver's dev_groups, which go before the driver's remove: that
 * may wait for VMMs, and its state is of interest then.
 *
 * Return: 0, or what sysfs_create_group() says.
 */
int weft_sysfs_add_adapter(struct weft_adapter *adapter)
{
	return sysfs_create_group(&adapter->pdev->dev.kobj, &adapter_group);
}

/**
 * weft_sysfs_remove_adapter - take an adapter's attributes away
 * @adapter: no instance is on it any more
 */
void weft_sysfs_remove_adapter(struct weft_adapter *adapter)
{
	sysfs_remove_group(&adapter->pdev->dev.kobj, &adapter_group);
}

/* Instances */

static struct weft_instance *dev_instance(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct weft_instance *inst = dev_instance(dev);

	if (READ_ONCE(inst->revoked))
		return sysfs_emit(buf, "unavailable\n");
	return sysfs_emit(buf, "%s\n",
			  READ_ONCE(inst->open) ? "attached" : "ready");
}
static DEVICE_ATTR_RO(state);

static ssize_t type_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%s\n", dev_instance(dev)->type->mdev.kobj.name);
}
static DEVICE_ATTR_RO(type);

static ssize_t vram_bytes_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", dev_instance(dev)->vram_bytes);
}
static DEVICE_ATTR_RO(vram_bytes);

static ssize_t vram_offset_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", dev_instance(dev)->vram_offset);
}
static DEVICE_ATTR_RO(vram_offset);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct weft_instance *inst = dev_instance(dev);
	struct weft_scanout scanout;

	guard(mutex)(&inst->lock);
	if (!weft_dispi_scanout(&inst->dispi, &scanout))
		return sysfs_emit(buf, "off\n");
	return sysfs_emit(buf, "%ux%ux%u\n", scanout.width, scanout.height,
			  scanout.bpp);
}
static DEVICE_ATTR_RO(mode);

/* Root only: whose process runs which VM is nobody else's business. */
static ssize_t opener_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct weft_instance *inst = dev_instance(dev);

	guard(mutex)(&inst->adapter->lock);
	if (!inst->open)
		return sysfs_emit(buf, "none\n");
	return sysfs_emit(buf, "%d %s\n", pid_vnr(inst->opener), inst->comm);
}
static DEVICE_ATTR_ADMIN_RO(opener);

static ssize_t created_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	/* a letter behind %ptT would be taken for one of its flags */
	return sysfs_emit(buf, "%ptT%c\n", &dev_instance(dev)->created, 'Z');
}
static DEVICE_ATTR_RO(created);

static const char * const display_names[] = {
	[WEFT_DISPLAY_REGION] = "region",
	[WEFT_DISPLAY_DMABUF] = "dmabuf",
};

static ssize_t display_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  display_names[READ_ONCE(dev_instance(dev)->display)]);
}

static ssize_t display_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct weft_instance *inst = dev_instance(dev);
	int display = sysfs_match_string(display_names, buf);

	if (display < 0)
		return weft_refuse(dev, &inst->reason, -EINVAL,
				   "display: write region or dmabuf");
	guard(mutex)(&inst->adapter->lock);
	if (inst->open)
		return weft_refuse(dev, &inst->reason, -EBUSY,
				   "display: the instance is open, and its VMM asked already; write it before");
	guard(mutex)(&inst->lock);
	inst->display = display;
	return count;
}
static DEVICE_ATTR_RW(display);

static ssize_t instance_last_error_show(struct device *dev,
					struct device_attribute *attr,
					char *buf)
{
	return weft_reason_show(&dev_instance(dev)->reason, buf);
}

static struct device_attribute dev_attr_instance_last_error =
	__ATTR(last_error, 0444, instance_last_error_show, NULL);

static struct attribute *instance_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_type.attr,
	&dev_attr_vram_bytes.attr,
	&dev_attr_vram_offset.attr,
	&dev_attr_mode.attr,
	&dev_attr_opener.attr,
	&dev_attr_created.attr,
	&dev_attr_display.attr,
	&dev_attr_instance_last_error.attr,
	NULL,
};

static const struct attribute_group instance_group = {
	.name = "weft",
	.attrs = instance_attrs,
};

/**
 * weft_sysfs_add_instance - give an instance its attributes
 * @inst: probed
 *
 * Not by the driver's dev_groups: those go before the driver's remove, which
 * may wait for a VMM, and then is when people ask who holds the instance.
 *
 * Return: 0, or what sysfs_create_group() says.
 */
int weft_sysfs_add_instance(struct weft_instance *inst)
{
	return sysfs_create_group(&inst->mdev->dev.kobj, &instance_group);
}

/**
 * weft_sysfs_remove_instance - take an instance's attributes away
 * @inst: no VMM has it any more
 */
void weft_sysfs_remove_instance(struct weft_instance *inst)
{
	sysfs_remove_group(&inst->mdev->dev.kobj, &instance_group);
}

/*
 * Creates that the mdev core refuses by itself
 *
 * A malformed UUID and one that is taken never reach our driver: the core
 * answers EINVAL and EEXIST in the store method of its "create" attribute.
 * Users ask for the reason there most of all. The attribute is looked up
 * through the kobj_type of the type's kobject, which lies in memory of ours,
 * so we put a kobj_type there whose methods call the core's, and look at what
 * came back.
 */
static const struct kobj_type *core_ktype;

static void explain_create(struct weft_adapter *adapter, int err,
			   const char *buf, size_t count)
{
	int len = strnlen(buf, count);
	char text[4 * UUID_STRING_LEN + 1];
	int end;

	if (len && buf[len - 1] == '\n')
		len--;
	/* what was written may be anything, the log and last_error are ASCII */
	end = string_escape_mem(buf, min(len, UUID_STRING_LEN), text,
				sizeof(text) - 1, ESCAPE_HEX | ESCAPE_NAP,
				NULL);
	text[end] = '\0';

	if (err == -EEXIST)
		weft_refuse(&adapter->pdev->dev, &adapter->reason, err,
			    "create %s: an mdev of this UUID exists already, here or on another parent",
			    text);
	else if (err == -EINVAL && len != UUID_STRING_LEN)
		weft_refuse(&adapter->pdev->dev, &adapter->reason, err,
			    "create %s: a UUID has %d characters, this has %d",
			    text, UUID_STRING_LEN, len);
	else if (err == -ENODEV)
		weft_refuse(&adapter->pdev->dev, &adapter->reason, err,
			    "create %s: the adapter is being removed", text);
	else if (err == -EINVAL)
		weft_refuse(&adapter->pdev->dev, &adapter->reason, err,
			    "create %s: not a UUID (8-4-4-4-12 hex digits)",
			    text);
}

static ssize_t watched_store(struct kobject *kobj, struct attribute *attr,
			     const char *buf, size_t count)
{
	struct mdev_type *mtype = container_of(kobj, struct mdev_type, kobj);
	ssize_t ret = -EINVAL;

	/* the core looks at 36 bytes of 37, and takes any for a newline */
	if (count != UUID_STRING_LEN + 1 || buf[UUID_STRING_LEN] == '\n')
		ret = core_ktype->sysfs_ops->store(kobj, attr, buf, count);
	if (ret < 0)
		explain_create(weft_type_adapter(mtype), ret, buf, count);
	return ret;
}

static ssize_t watched_show(struct kobject *kobj, struct attribute *attr,
			    char *buf)
{
	return core_ktype->sysfs_ops->show(kobj, attr, buf);
}

static void watched_release(struct kobject *kobj)
{
	core_ktype->release(kobj);
}

static const struct sysfs_ops watched_ops = {
	.show = watched_show,
	.store = watched_store,
};

/* The core made the files already, and removing the folder removes them. */
static const struct kobj_type watched_ktype = {
	.sysfs_ops = &watched_ops,
	.release = watched_release,
};

/**
 * weft_sysfs_watch_creates - give reasons for what the mdev core refuses
 * @adapter: registered with the mdev core
 */
void weft_sysfs_watch_creates(struct weft_adapter *adapter)
{
	unsigned int i;

	/* the same for every type of every adapter */
	WRITE_ONCE(core_ktype, adapter->types[0].mdev.kobj.ktype);
	for (i = 0; i < adapter->nr_types; i++)
		/* pairs with the address dependency of a reader of ktype */
		smp_store_release(&adapter->types[i].mdev.kobj.ktype,
				  &watched_ktype);
}
