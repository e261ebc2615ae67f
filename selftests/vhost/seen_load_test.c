// SPDX-License-Identifier: GPL-2.0
/*
 * What the module's parameters do, for which it is loaded anew; and owners who
 * get no thread: they are refused, and nothing is left of it.
 */
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest.h"
#include "rig_lib.h"

static struct rig r;

/* The module */

static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int shell(const char *fmt, ...)
{
	char line[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fflush(NULL);
	return system(line);
}

static int unload(const char *module)
{
	return shell("if [ -d /sys/module/%s ]; then rmmod %s; fi", module, module);
}

/* Also when another test ended before it had put things back */
static int load(const char *args)
{
	return unload("weft_vhost") || shell("insmod $WEFT_MODULES/weft_vhost.ko %s", args);
}

static int put_back(void)
{
	return load("") || shell("modprobe vhost_net");
}

static bool can(uint8_t kind)
{
	int fd = open(guest_dev_node(), O_RDWR);
	bool is = !ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &kind);

	close(fd);
	return is;
}

/* Parameters */

static void run_default_kind(const char *args, const char *kind)
{
	uint8_t v = 100;

	ASSERT_EQ(load(args), 0);
	if (!can(VHOST_FORK_OWNER_TASK)) {
		put_back();
		SKIP("this kernel has no threads of the owner to choose: no vhost_task");
	}
	rig_open(&r, &(struct rig_config){ });
	EXPECT_STREQ(rig_text(&r, 2, "worker_kind"), kind);
	EXPECT_EQ(ioctl(r.dev.fd, VHOST_GET_FORK_FROM_OWNER, &v), 0);
	EXPECT_EQ(v, !strcmp(kind, "task"));
	/* And that is what there is: two, with the other device's. */
	if (v)
		EXPECT_GT(guest_dev_worker(1), 0);
	else
		EXPECT_EQ(guest_dev_worker(0), -1);
	rig_unharmed(&r);
}

/* Each in a process of its own, as the module is in use until it ends */
static void in_child(void (*run)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		ksft_failures = 0;
		run();
		fflush(stdout);
		_exit(ksft_failures ? KSFT_FAIL : KSFT_PASS);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
		_exit(KSFT_SKIP);
	EXPECT_EQ(status, 0);
}

static void default_is_kthread(void)
{
	run_default_kind("fork_from_owner_default=0", "kthread");
}

static void default_is_task(void)
{
	run_default_kind("fork_from_owner_default=1", "task");
}

static void default_is_not_given(void)
{
	run_default_kind("", "task");
}

TEST(fork_from_owner_default)
{
	in_child(default_is_kthread);
	in_child(default_is_task);
	in_child(default_is_not_given);
	EXPECT_EQ(put_back(), 0);
}

/* Pages of guest memory, each with a frame: more than there may be translations */
#define PAGES	40
#define ENTRIES	20

static void use_pages(uint64_t first)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		r.buf[GUEST_TX] = first + i * GUEST_PAGE;
		r.buf[GUEST_RX] = first + (PAGES + i) * GUEST_PAGE;
		if (rig_send(&r) || rig_receive(&r))
			KSFT_FAILED(1, "page %u: %s", i, rig_why());
		ASSERT_LE(rig_stats(&r, 2, "translations"), ENTRIES);
	}
}

static void few_entries(void)
{
	unsigned long misses;
	uint64_t first;

	rig_open(&r, &(struct rig_config){ .iotlb = GUEST_IOTLB_MISSING });
	first = guest_mem_alloc(&r.mem, 2 * PAGES * GUEST_PAGE, GUEST_PAGE);
	ASSERT_NE(first, 0);
	use_pages(first);
	EXPECT_EQ(rig_stats(&r, 2, "translations"), ENTRIES);
	misses = r.dev.misses;
	EXPECT_GE(misses, 2 * PAGES);
	/* The oldest have gone, so that each is asked for again. */
	use_pages(first);
	EXPECT_EQ(rig_stats(&r, 2, "translations"), ENTRIES);
	EXPECT_GE(r.dev.misses, misses + 2 * PAGES);
	rig_unharmed(&r);
}

TEST(max_iotlb_entries)
{
	ASSERT_EQ(load("max_iotlb_entries=20"), 0);
	in_child(few_entries);
	EXPECT_EQ(put_back(), 0);
}

static void as_vhost_net(void)
{
	setenv("WEFT_VHOST", "/dev/vhost-net", 1);
	rig_open(&r, &(struct rig_config){ .packed = true });
	EXPECT_TRUE(guest_dev_features(&r.dev) & F(VIRTIO_F_RING_PACKED));
	EXPECT_STREQ(rig_text(&r, GUEST_TX, "ring"), "packed");
	rig_unharmed(&r);
}

static void run_devname(void)
{
	ASSERT_EQ(load("devname=vhost-net"), 0);
	EXPECT_ERRNO(ENOENT, access(GUEST_NODE, F_OK));
	in_child(as_vhost_net);
}

TEST(devname_of_vhost_net)
{
	ASSERT_EQ(unload("vhost_net"), 0);
	EXPECT_ERRNO(ENOENT, access("/dev/vhost-net", F_OK));
	run_devname();
	ASSERT_EQ(unload("weft_vhost"), 0);
	/* As systemd does when it starts, so that who opens it has the module loaded */
	ASSERT_EQ(shell("rm -f /dev/vhost-net; mknod /dev/vhost-net c 10 238"), 0);
	run_devname();
	ASSERT_EQ(unload("weft_vhost"), 0);
	unlink("/dev/vhost-net");
	EXPECT_EQ(put_back(), 0);
	EXPECT_EQ(access("/dev/vhost-net", F_OK), 0);
	EXPECT_EQ(access(GUEST_NODE, F_OK), 0);
}

/* A9: no threads */

static void write_number(const char *path, long long n)
{
	char text[24];
	int fd = open(path, O_WRONLY);
	int len = snprintf(text, sizeof(text), "%lld", n);

	if (fd < 0 || write(fd, text, len) != len)
		KSFT_FAILED(1, "%s: %s", path, strerror(errno));
	close(fd);
}

static long long read_number(const char *path)
{
	char text[24] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		KSFT_FAILED(1, "%s: %s", path, strerror(errno));
	close(fd);
	return strtoll(text, NULL, 10);
}

#define THREADS_MAX	"/proc/sys/kernel/threads-max"

/* While the kernel may have no more threads at all, its own or others */
static int ioctl_without_threads(int fd, unsigned long request, void *arg)
{
	long long limit = read_number(THREADS_MAX);
	int ret, err;

	write_number(THREADS_MAX, 1);
	ret = ioctl(fd, request, arg);
	err = errno;
	write_number(THREADS_MAX, limit);
	errno = err;
	return ret;
}

static void expect_no_owner(const char *dir)
{
	EXPECT_EQ(guest_stats(dir, "device", "owner"), 0);
	for (int i = 0; i < 32; i++) {
		char key[16];

		snprintf(key, sizeof(key), "worker.%d", i);
		EXPECT_STREQ(guest_stats_text(dir, "device", key), "");
	}
	EXPECT_EQ(guest_dev_worker(0), -1);
}

static void refuse_owner(uint8_t kind)
{
	char dir[128];
	int fd;

	fd = open(guest_dev_node(), O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(guest_stats_dir(dir, sizeof(dir), 0));
	ASSERT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &kind), 0);
	for (int i = 0; i < 10; i++) {
		EXPECT_ERRNO(EAGAIN, ioctl_without_threads(fd, VHOST_SET_OWNER, NULL));
		expect_no_owner(dir);
		EXPECT_ERRNO(EPERM, ioctl(fd, VHOST_RESET_OWNER, NULL));
	}
	/* The same file, when there are some */
	EXPECT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(guest_stats(dir, "device", "owner"), getpid());
	EXPECT_EQ(guest_stats(dir, "device", "worker.1"), 2);
	EXPECT_EQ(ioctl(fd, VHOST_RESET_OWNER, NULL), 0);
	expect_no_owner(dir);
	EXPECT_ERRNO(EAGAIN, ioctl_without_threads(fd, VHOST_SET_OWNER, NULL));
	close(fd);
	EXPECT_FALSE(guest_stats_dir(dir, sizeof(dir), 0));
	rig_open(&r, &(struct rig_config){ });
	rig_unharmed(&r);
}

static const char *const mount_at = "/tmp/weft-kept";

/* Memory that is a file's keeps the file for as long as anybody has the memory. */
static void map_file(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/file", mount_at);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	ASSERT_EQ(ftruncate(fd, 1 << 20), 0);
	ASSERT_NE(mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
}

static void refused_kthread(void)
{
	map_file();
	refuse_owner(VHOST_FORK_OWNER_KTHREAD);
}

static void refused_task(void)
{
	map_file();
	refuse_owner(VHOST_FORK_OWNER_TASK);
}

static void run_refused(void (*run)(void))
{
	mkdir(mount_at, 0700);
	ASSERT_EQ(mount("none", mount_at, "tmpfs", 0, NULL), 0);
	in_child(run);
	/* Neither its memory nor the module is in use any more. */
	EXPECT_EQ(umount(mount_at), 0);
	EXPECT_EQ(put_back(), 0);
}

TEST(a9_no_more_threads_of_the_kernel)
{
	run_refused(refused_kthread);
}

TEST(a9_no_more_threads_of_any_owner)
{
	if (!can(VHOST_FORK_OWNER_TASK))
		SKIP("workers are kernel threads here: no vhost_task");
	run_refused(refused_task);
}

/* A group of processes that may be no more than they are */

#define GROUP	"/weft-few"

static char cgroups[32];

static const char *in_group(const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s" GROUP "/%s", cgroups, file);
	return path;
}

static void join_group(const char *controller)
{
	strcpy(cgroups, "/tmp/weft-cgroups-XXXXXX");
	ASSERT_NE(mkdtemp(cgroups), NULL);
	if (mount("none", cgroups, "cgroup2", 0, NULL))
		SKIP("no cgroups: %s", strerror(errno));
	if (shell("echo +%s >%s/cgroup.subtree_control", controller, cgroups))
		SKIP("cgroups do not count %s here", controller);
	ASSERT_EQ(mkdir(in_group(""), 0755), 0);
	write_number(in_group("cgroup.procs"), getpid());
}

static void leave_group(void)
{
	char procs[64];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroups);
	write_number(procs, getpid());
	EXPECT_EQ(rmdir(in_group("")), 0);
	umount(cgroups);
	rmdir(cgroups);
}

TEST(a9_no_more_threads_in_the_cgroup)
{
	uint8_t kind = VHOST_FORK_OWNER_TASK;
	struct vhost_worker_state w;
	char dir[128];
	int fd;

	if (!can(VHOST_FORK_OWNER_TASK))
		SKIP("workers are kernel threads here: no vhost_task");
	join_group("pids");
	fd = open(guest_dev_node(), O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(guest_stats_dir(dir, sizeof(dir), 0));
	ASSERT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &kind), 0);
	write_number(in_group("pids.max"), 1);
	for (int i = 0; i < 10; i++) {
		EXPECT_ERRNO(EAGAIN, ioctl(fd, VHOST_SET_OWNER, NULL));
		EXPECT_EQ(read_number(in_group("pids.current")), 1);
		expect_no_owner(dir);
	}
	write_number(in_group("pids.max"), 2);
	EXPECT_EQ(ioctl(fd, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(read_number(in_group("pids.current")), 2);
	/* What there is goes on without another one. */
	EXPECT_ERRNO(EAGAIN, ioctl(fd, VHOST_NEW_WORKER, &w));
	EXPECT_EQ(guest_stats(dir, "device", "worker.1"), 2);
	EXPECT_STREQ(guest_stats_text(dir, "device", "worker.2"), "");
	write_number(in_group("pids.max"), 3);
	EXPECT_EQ(ioctl(fd, VHOST_NEW_WORKER, &w), 0);
	EXPECT_EQ(guest_stats(dir, "device", "worker.2"), 0);
	close(fd);
	EXPECT_EQ(read_number(in_group("pids.current")), 1);
	leave_group();
	rig_open(&r, &(struct rig_config){ });
	rig_unharmed(&r);
}

/* What the kernel allocates for an owner is counted against the owner's group. */
static void refuse_often(uint8_t kind)
{
	const unsigned int often = 200;
	long long used, each;
	char dir[128];
	int fd;

	fd = open(guest_dev_node(), O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(guest_stats_dir(dir, sizeof(dir), 0));
	ASSERT_EQ(ioctl(fd, VHOST_SET_FORK_FROM_OWNER, &kind), 0);
	each = 2 * guest_stats(dir, "device", "bytes.queue");
	EXPECT_ERRNO(EAGAIN, ioctl_without_threads(fd, VHOST_SET_OWNER, NULL));
	used = read_number(in_group("memory.current"));
	for (unsigned int i = 0; i < often; i++)
		ASSERT_ERRNO(EAGAIN, ioctl_without_threads(fd, VHOST_SET_OWNER, NULL));
	used = read_number(in_group("memory.current")) - used;
	ksft_note("%lld KiB more after %u refusals", used / 1024, often);
	EXPECT_LT(used, often * each / 4);
	close(fd);
}

TEST(a9_memory_after_refusals)
{
	join_group("memory");
	refuse_often(VHOST_FORK_OWNER_KTHREAD);
	if (can(VHOST_FORK_OWNER_TASK))
		refuse_often(VHOST_FORK_OWNER_TASK);
	leave_group();
}
