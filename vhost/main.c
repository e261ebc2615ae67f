// SPDX-License-Identifier: GPL-2.0
/* /dev/vhost-weft: what is done to the file, and the module. */
#include <linux/compat.h>
#include <linux/err.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "dev.h"

static char *devname = "vhost-weft";
module_param(devname, charp, 0444);
MODULE_PARM_DESC(devname, "Name of the node in /dev (vhost-weft)");

static ushort mode = 0600;
module_param(mode, ushort, 0444);
MODULE_PARM_DESC(mode, "Permissions of the node, in C's notation (0600)");

static int weft_vhost_open(struct inode *inode, struct file *file)
{
	struct weft_dev *dev = weft_dev_create();

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	file->private_data = dev;
	return 0;
}

static int weft_vhost_release(struct inode *inode, struct file *file)
{
	weft_dev_destroy(file->private_data);
	return 0;
}

static long weft_vhost_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	long ret = weft_dev_ioctl(file->private_data, cmd, arg);

	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}

static bool nonblock(const struct kiocb *iocb)
{
	return iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
}

static ssize_t weft_vhost_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return weft_iotlb_read(iocb->ki_filp->private_data, to, nonblock(iocb));
}

static ssize_t weft_vhost_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return weft_iotlb_write(iocb->ki_filp->private_data, from);
}

static __poll_t weft_vhost_poll(struct file *file, poll_table *wait)
{
	return weft_iotlb_poll(file->private_data, file, wait);
}

static const struct file_operations weft_vhost_fops = {
	.owner = THIS_MODULE,
	.open = weft_vhost_open,
	.release = weft_vhost_release,
	.unlocked_ioctl = weft_vhost_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = weft_vhost_read_iter,
	.write_iter = weft_vhost_write_iter,
	.poll = weft_vhost_poll,
	.llseek = noop_llseek,
};

static struct miscdevice weft_vhost_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.fops = &weft_vhost_fops,
};

/* The uapi, as it has been for years and has to stay. */
static void check_uapi(void)
{
	BUILD_BUG_ON(sizeof(struct vhost_vring_state) != 8);
	BUILD_BUG_ON(sizeof(struct vhost_vring_file) != 8);
	BUILD_BUG_ON(sizeof(struct vhost_vring_addr) != 40);
	BUILD_BUG_ON(sizeof(struct vhost_memory_region) != 32);
	BUILD_BUG_ON(sizeof(struct vhost_iotlb_msg) != 32);
	BUILD_BUG_ON(sizeof(struct vhost_msg) != 72);
	BUILD_BUG_ON(sizeof(struct vhost_msg_v2) != 72);
	BUILD_BUG_ON(sizeof(struct vhost_worker_state) != 4);
	BUILD_BUG_ON(sizeof(struct vhost_vring_worker) != 8);
}

/* Asked before, as misc_register() finds it out with a trace of the stack in the log. */
static bool name_is_taken(void)
{
	char *name = kasprintf(GFP_KERNEL, "/sys/class/misc/%s", devname);
	struct path path;
	bool taken;

	taken = name && !kern_path(name, 0, &path);
	if (taken)
		path_put(&path);
	kfree(name);
	return taken;
}

static int __init weft_vhost_init(void)
{
	int ret;

	check_uapi();
	if (mode & ~0777) {
		pr_err("mode=0%o is no file mode: give it as 0660, with the zero\n", mode);
		return -EINVAL;
	}
	if (name_is_taken()) {
		pr_err("there is a /dev/%s already: choose another devname=\n", devname);
		return -EEXIST;
	}
	weft_stats_init();
	/* systemd makes that node by this number at boot, whoever answers to it. */
	if (!strcmp(devname, "vhost-net"))
		weft_vhost_misc.minor = VHOST_NET_MINOR;
	weft_vhost_misc.name = devname;
	weft_vhost_misc.mode = mode;
	ret = misc_register(&weft_vhost_misc);
	if (ret)
		weft_stats_exit();
	return ret;
}
module_init(weft_vhost_init);

static void __exit weft_vhost_exit(void)
{
	misc_deregister(&weft_vhost_misc);
	weft_stats_exit();
}
module_exit(weft_vhost_exit);

MODULE_DESCRIPTION("weft: virtio-net in the kernel, for virtual machines");
MODULE_LICENSE("GPL");
