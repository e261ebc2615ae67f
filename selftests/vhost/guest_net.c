// SPDX-License-Identifier: GPL-2.0
#include "guest_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* After v6.12 */
#ifndef IFF_BACKPRESSURE
#define IFF_BACKPRESSURE	0x0080
#endif

static const struct guest_link no_link = {
	.backend = -1, .far = -1, .sender = -1, .xdp = -1, .redirect = -1,
};

/* Frames of 65535 bytes, the most that a tap takes, fit without GSO. */
#define MTU	65521

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	fflush(NULL);
	status = system(line);
	if (!status)
		return 0;
	fprintf(stderr, "# %s: status %#x\n", line, status);
	errno = ECHILD;
	return -1;
}

/* IPv6 would greet its neighbours on each new device. */
static int silence(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
	bool said;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	said = write(fd, "1", 1) == 1;
	close(fd);
	return said ? 0 : -1;
}

int guest_net_private(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	/* Debugfs is to stay visible. */
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) ||
	    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL))
		return -1;
	return silence();
}

/* Packet sockets */

int guest_packet_open(const char *ifname, bool vnet_hdr, bool receive)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = receive ? htons(ETH_P_ALL) : 0,
		.sll_ifindex = if_nametoindex(ifname),
	};
	int one = 1, size = 32 << 20, s;

	/* No protocol until it is bound: nothing from elsewhere gets in before. */
	s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -1;
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if ((vnet_hdr && setsockopt(s, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one))) ||
	    setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(s, (void *)&at, sizeof(at))) {
		close(s);
		return -1;
	}
	return s;
}

int guest_far_send(int far, const struct virtio_net_hdr *hdr, const void *frame, size_t len)
{
	static const struct virtio_net_hdr none;
	struct iovec iov[2] = {
		{ (void *)(hdr ?: &none), sizeof(*hdr) },
		{ (void *)frame, len },
	};
	ssize_t n = writev(far, iov, 2);

	if (n >= 0 && (size_t)n != sizeof(*hdr) + len)
		errno = EMSGSIZE;
	return (size_t)n == sizeof(*hdr) + len ? 0 : -1;
}

ssize_t guest_far_receive(int far, struct virtio_net_hdr *hdr, void *frame, size_t size)
{
	struct iovec iov[2] = { { hdr, sizeof(*hdr) }, { frame, size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = recvmsg(far, &msg, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if ((size_t)n < sizeof(*hdr) || msg.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return n - sizeof(*hdr);
}

/* Taps */

/* What both kinds of taps have to be told. */
static int prepare(int fd, int hdr)
{
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	int little = 1;		/* as VERSION_1 has them */

	if (hdr == GUEST_NO_HDR)
		return 0;
	return ioctl(fd, TUNSETVNETHDRSZ, &hdr) || ioctl(fd, TUNSETVNETLE, &little) ||
	       ioctl(fd, TUNSETOFFLOAD, offloads) ? -1 : 0;
}

int guest_tap_open(const char *name, int hdr, int flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | flags };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), s = -1;

	if (fd < 0)
		return -1;
	if (hdr != GUEST_NO_HDR)
		ifr.ifr_flags |= IFF_VNET_HDR;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) || prepare(fd, hdr))
		goto err;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_mtu = MTU;
	if (ioctl(s, SIOCSIFMTU, &ifr))
		goto err;
	ifr.ifr_flags = IFF_UP | IFF_NOARP;
	if (ioctl(s, SIOCSIFFLAGS, &ifr))
		goto err;
	close(s);
	return fd;
err:
	close(s);
	close(fd);
	return -1;
}

bool guest_tap_can_hold(void)
{
	unsigned int features = 0;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	bool can = !ioctl(fd, TUNGETFEATURES, &features) && features & IFF_BACKPRESSURE;

	close(fd);
	return can;
}

static int open_tap(struct guest_link *l, int hdr, int flags)
{
	strcpy(l->name, "tap0");
	l->backend = guest_tap_open(l->name, hdr, flags);
	if (l->backend < 0)
		return -1;
	l->far = guest_packet_open(l->name, true, true);
	return l->far;
}

static int open_veth(unsigned int mtu)
{
	if (run("ip link add near0 mtu %u arp off type veth peer far0 mtu %u arp off", mtu, mtu))
		return -1;
	return run("ip link set near0 up && ip link set far0 up");
}

/* Its device number is in sysfs; the node may be that of another namespace's. */
static int open_macvtap_node(int ifindex)
{
	char path[96], text[32] = "";
	unsigned int maj, min;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/mvtap0/tap%d/dev", ifindex);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = 0;
	close(fd);
	if (sscanf(text, "%u:%u", &maj, &min) != 2) {
		errno = ENODEV;
		return -1;
	}
	snprintf(path, sizeof(path), "/run/guest-tap-%d", getpid());
	unlink(path);
	if (mknod(path, S_IFCHR | 0600, makedev(maj, min)))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	unlink(path);
	return fd;
}

static int open_macvtap(struct guest_link *l, int hdr)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };

	strcpy(l->name, "mvtap0");
	/* Passthru takes frames for any address, as a tap does. */
	if (open_veth(MTU) ||
	    run("ip link add link near0 name mvtap0 mtu %u type macvtap mode passthru", MTU) ||
	    run("ip link set mvtap0 up"))
		return -1;
	l->backend = open_macvtap_node(if_nametoindex(l->name));
	if (l->backend < 0)
		return -1;
	if (hdr != GUEST_NO_HDR)
		ifr.ifr_flags |= IFF_VNET_HDR;
	if (ioctl(l->backend, TUNSETIFF, &ifr) || prepare(l->backend, hdr))
		return -1;
	l->far = guest_packet_open("far0", true, true);
	return l->far;
}

/* The socket's header, where it has one, is of 10 bytes. */
static int open_packet(struct guest_link *l, int hdr)
{
	strcpy(l->name, "near0");
	if (open_veth(MTU))
		return -1;
	l->backend = guest_packet_open(l->name, hdr != GUEST_NO_HDR, true);
	if (l->backend < 0)
		return -1;
	l->far = guest_packet_open("far0", true, true);
	return l->far;
}

int guest_link_open(struct guest_link *l, enum guest_backend kind, int hdr)
{
	int ret = -1;

	*l = no_link;
	switch (kind) {
	case GUEST_TAP:
		ret = open_tap(l, hdr, 0);
		break;
	case GUEST_TAP_HOLDING:
		ret = open_tap(l, hdr, IFF_BACKPRESSURE);
		break;
	case GUEST_MACVTAP:
		ret = open_macvtap(l, hdr);
		break;
	case GUEST_PACKET:
		ret = open_packet(l, hdr);
		break;
	}
	l->ifindex = if_nametoindex(l->name);
	l->sender = l->far;
	if (ret >= 0)
		return 0;
	guest_link_close(l);
	return -1;
}

void guest_link_close(struct guest_link *l)
{
	int saved = errno;

	close(l->xdp);
	close(l->redirect);
	if (l->sender != l->far)
		close(l->sender);
	close(l->far);
	close(l->backend);
	if (strcmp(l->name, "tap0") || l->redirect >= 0)
		run("ip link del near0");
	*l = no_link;
	errno = saved;
}

/* XDP */

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int attach(int ifindex, const struct bpf_insn *code, unsigned int n)
{
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)code,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
	};
	union bpf_attr link = { 0 };
	int prog = bpf(BPF_PROG_LOAD, &load), fd;

	if (prog < 0)
		return -1;
	link.link_create.prog_fd = prog;
	link.link_create.target_ifindex = ifindex;
	link.link_create.attach_type = BPF_XDP;
	link.link_create.flags = XDP_FLAGS_DRV_MODE;
	fd = bpf(BPF_LINK_CREATE, &link);
	close(prog);
	return fd;
}

#define MOV(reg, value)	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (value) }
#define CALL(func)	{ .code = BPF_JMP | BPF_CALL, .imm = (func) }
#define EXIT()		{ .code = BPF_JMP | BPF_EXIT }

int guest_link_xdp(struct guest_link *l, int verdict)
{
	struct bpf_insn code[] = { MOV(BPF_REG_0, verdict), EXIT() };

	close(l->xdp);
	l->xdp = -1;
	if (verdict < 0)
		return 0;
	l->xdp = attach(l->ifindex, code, 2);
	return l->xdp < 0 ? -1 : 0;
}

int guest_link_redirect(struct guest_link *l)
{
	struct bpf_insn code[] = {
		MOV(BPF_REG_1, l->ifindex), MOV(BPF_REG_2, 0), CALL(BPF_FUNC_redirect), EXIT(),
	};

	if (open_veth(1500))
		return -1;
	l->redirect = attach(if_nametoindex("near0"), code, 4);
	if (l->redirect < 0)
		return -1;
	l->sender = guest_packet_open("far0", true, false);
	return l->sender < 0 ? -1 : 0;
}
