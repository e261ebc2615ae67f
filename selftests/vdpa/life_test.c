// SPDX-License-Identifier: GPL-2.0
/*
 * Devices go while they are open and frames pass: deleted, unbound, removed, and
 * with the module. The core waits for the client then; we do not make it wait
 * for anything else, and what is gone leaves nothing behind.
 */
#include <linux/virtio_net.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "flow_lib.h"
#include "guest_net.h"
#include "kernel_log.h"
#include "kselftest.h"
#include "vdpa_nl_lib.h"

#define OPEN	64	/* devices, on functions from 2 on */

static struct vguest g;
static struct vdev v;
static struct flow f;

static bool run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *fmt, ...)
{
	char line[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	return !system(line);
}

/* Things that take a device away, each with what brings its function back */
struct way {
	const char *name, *away, *back;
};

#define SYSFS	"/sys/bus/pci/"

static const struct way unbind = {
	"unbind", "echo %s > " SYSFS "drivers/weft_vdpa/unbind",
	"echo %s > " SYSFS "drivers/weft_vdpa/bind",
};

static const struct way removal = {
	"remove", "echo 1 > " SYSFS "devices/%s/remove", "echo 1 > " SYSFS "rescan # %s",
};

static void *take_away(void *arg)
{
	const struct way *w = arg;

	return (void *)(intptr_t)!run(w->away, vdpa_function(0));
}

static void gone_under_traffic(const struct way *w, bool killed)
{
	struct vdev_config c = { .packed = killed };
	pthread_t t;
	void *failed;

	kernel_log_begin();
	for (int i = 0; i < 3; i++) {
		vdev_make(&v, 0, &c);
		vguest_init(&g, &c);
		vdev_begin(&v, &g, NULL);
		flow_begin(&f, &g, 0);
		flow_run(&f, &v, 20);
		ASSERT_EQ(pthread_create(&t, NULL, take_away, (void *)w), 0);
		/* Frames pass all the same, until the client ends. */
		flow_run(&f, &v, 50);
		flow_end(&f, &v);
		vdev_leave(&v);
		pthread_join(t, &failed);
		EXPECT_TRUE(!failed);
		EXPECT_FALSE(vdpa_exists(v.name));
		EXPECT_EQ(access("/sys/class/net/w0", F_OK), -1);
		EXPECT_EQ(access(v.dir, F_OK), -1);
		EXPECT_EQ(vdpa_make("w0", 0, &(struct vdpa_make){ }), -1);
		close(v.far);
		ASSERT_TRUE(run(w->back, vdpa_function(0)));
		guest_mem_free(&g.mem);
	}
	vdev_open(&v, &g, &c);
	vdev_unharmed(&v);
}

TEST(a16_function_unbound_while_frames_pass)
{
	gone_under_traffic(&unbind, false);
}

TEST(a16_function_removed_while_frames_pass)
{
	gone_under_traffic(&removal, true);
}

/* Clients with a device each, of another process, that are killed */
static void clients(int sock)
{
	static struct vguest guests[OPEN];
	static struct vdev devs[OPEN];
	struct vdev_config c = { .size = 16 };

	for (unsigned int i = 0; i < OPEN; i++) {
		devs[i] = (struct vdev){ .far = -1, .function = i + 2 };
		snprintf(devs[i].name, sizeof(devs[i].name), "w%u", i + 2);
		vguest_init(&guests[i], &c);
		vdev_begin(&devs[i], &guests[i], NULL);
	}
	if (write(sock, "", 1) != 1)
		_exit(1);
	for (;;)
		for (unsigned int i = 0; i < OPEN; i++)
			guest_ring_kick_always(&guests[i].ring[GUEST_TX]);
}

static void *unload(void *arg)
{
	return (void *)(intptr_t)!run("rmmod weft_vdpa");
}

/* The module goes with all of them open; when they are closed, it is gone. */
TEST_TIMEOUT(a16_module_unloaded_with_many_open, 300)
{
	struct vdev_config c = { .size = 16 };
	static struct vdev devs[OPEN];
	void *failed;
	int fds[2];
	pthread_t t;
	pid_t pid;
	char ch;

	kernel_log_begin();
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < OPEN; i++)
			vdev_make(&devs[i], i + 2, &c);
		ASSERT_EQ(pipe(fds), 0);
		fflush(NULL);
		pid = fork();
		if (!pid)
			clients(fds[1]);
		close(fds[1]);
		ASSERT_EQ(read(fds[0], &ch, 1), 1);
		ASSERT_EQ(pthread_create(&t, NULL, unload, NULL), 0);
		for (unsigned int i = 0; i < OPEN; i++)
			vdev_flood(&devs[i], 20, 60);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pthread_join(t, &failed);
		EXPECT_TRUE(!failed);
		close(fds[0]);
		for (unsigned int i = 0; i < OPEN; i++) {
			EXPECT_FALSE(vdpa_exists(devs[i].name));
			close(devs[i].far);
		}
		ASSERT_TRUE(run("insmod $WEFT_MODULES/weft_vdpa.ko"));
	}
	vdev_open(&v, &g, &c);
	vdev_unharmed(&v);
}

/* The kernel's own driver has it. */
TEST(deleted_while_the_kernel_drives_it)
{
	kernel_log_begin();
	if (!run("modprobe -a virtio_net virtio_vdpa 2>/dev/null"))
		SKIP("this kernel has no virtio_vdpa");
	for (int i = 0; i < 10; i++) {
		vdev_make(&v, 0, &(struct vdev_config){ });
		ASSERT_TRUE(run("echo w0 > /sys/bus/vdpa/devices/w0/driver/unbind"));
		ASSERT_TRUE(run("echo w0 > /sys/bus/vdpa/drivers/virtio_vdpa/bind"));
		if (i & 1)
			run("cd /sys/bus/vdpa/devices/w0/virtio*/net && ip link set dev * up");
		vdev_flood(&v, 600, 60);
		/* There is no client to wait for. */
		ASSERT_EQ(vdpa_delete("w0"), 0);
		EXPECT_FALSE(vdpa_exists("w0"));
		close(v.far);
	}
	run("rmmod virtio_vdpa");
	vdev_open(&v, &g, &(struct vdev_config){ });
	vdev_unharmed(&v);
}

/* The bus's driver lets go of it while a client has it open. */
static void *unbind_vhost(void *arg)
{
	return (void *)(intptr_t)!run("echo w0 > /sys/bus/vdpa/drivers/vhost_vdpa/unbind");
}

TEST(a16_bus_driver_unbound_while_open)
{
	pthread_t t;
	void *failed;

	vdev_open(&v, &g, &(struct vdev_config){ });
	for (int i = 0; i < 5; i++) {
		ASSERT_EQ(pthread_create(&t, NULL, unbind_vhost, NULL), 0);
		ASSERT_EQ(vdev_send(&v), 0);
		ASSERT_EQ(vdev_receive(&v), 0);
		vdev_leave(&v);
		pthread_join(t, &failed);
		EXPECT_TRUE(!failed);
		/* Nobody drives it. */
		vdev_flood(&v, 10, 60);
		EXPECT_STREQ(vdev_text(&v, -1, "status"), "0x0");
		ASSERT_TRUE(run("echo w0 > /sys/bus/vdpa/drivers/vhost_vdpa/bind"));
		vdev_restart(&v);
	}
	vdev_unharmed(&v);
}

/* Counters are read all the time while devices come and go. */
static atomic_bool stop;

static void *read_files(void *arg)
{
	while (!stop)
		run("cat /sys/kernel/debug/weft_vdpa/*/* /sys/class/net/w0/*/*_* >/dev/null 2>&1");
	return NULL;
}

TEST(a28_counters_read_while_devices_come_and_go)
{
	struct vdev_config c = { .ctrl = true, .size = 16 };
	pthread_t t;

	kernel_log_begin();
	ASSERT_EQ(pthread_create(&t, NULL, read_files, NULL), 0);
	for (int i = 0; i < 15; i++) {
		vdev_make(&v, 0, &c);
		vguest_init(&g, &c);
		vdev_begin(&v, &g, NULL);
		ASSERT_EQ(vdev_send(&v), 0);
		vdev_unmake(&v);
		guest_mem_free(&g.mem);
	}
	stop = true;
	pthread_join(t, NULL);
	kernel_log_quiet();
}
