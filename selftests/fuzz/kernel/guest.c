// SPDX-License-Identifier: GPL-2.0
/*
 * A guest of an unmodified QEMU that has an instance of weft_vgpu and a network
 * function each on /dev/vhost-weft and on a device of weft_vdpa: their config
 * spaces, registers and rings. At the end of a session the machine is reset, and
 * all of it has to work, as if nothing had been.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "guest_net.h"
#include "must.h"
#include "nic.h"
#include "vdev_lib.h"

#define RAM_MIB		32
#define VGPU		4		/* slots of PCI's */
#define NIC(n)		(5U + (n))
#define NICS		2
#define BEHIND		7		/* nothing is there */
#define VRAM		0xe0000000U
#define MMIO		0xe8000000U
#define VRAM_SIZE	(16U << 20)
#define NEIGHBOURS	2
#define PAINT		0x5a
#define BYTES		64

static struct guest_link tap;
static struct vdev vdev;
static struct nic nics[NICS], *nic;
static struct vgpu neighbours[NEIGHBOURS];
static uint8_t *neighbours_vram[NEIGHBOURS];
static size_t neighbours_size;
static int ram;

/* What a guest finds there: nothing, a ROM, registers, and memory of the adapter's. */
static const uint64_t places[4] = { 0xa0000, 0xffff0000, MMIO, VRAM };

/* QEMU */

static void start(void)
{
	static char display[160], net[160], vdpa[160];
	const char *const args[] = {
		"-device", display,
		"-netdev", net, "-device",
		"virtio-net-pci,netdev=weft,addr=5,disable-legacy=on,romfile=,packed=on",
		"-netdev", vdpa, "-device",
		"virtio-net-pci,netdev=vdpa,addr=6,disable-legacy=on,romfile=,packed=on",
		NULL
	};
	int vhost = open("/dev/vhost-weft", O_RDWR), node = vdev_node(&vdev);
	char path[64], name[64] = "";

	MUST(vhost < 0 || node < 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", node);
	MUST(readlink(path, name, sizeof(name) - 1) < 0);
	close(node);
	snprintf(display, sizeof(display),
		 "vfio-pci,sysfsdev=" MDEVS "/%s,id=vgpu,addr=%x,display=on", uuid_of(0), VGPU);
	snprintf(net, sizeof(net), "tap,id=weft,fd=%d,vhost=on,vhostfd=%d", tap.backend, vhost);
	snprintf(vdpa, sizeof(vdpa), "vhost-vdpa,id=vdpa,vhostdev=%s", name);
	MUST(fcntl(tap.backend, F_SETFD, 0));
	qemu_start(args, ram, RAM_MIB);
	close(vhost);
}

/* Why it has ended by itself; a guest may have it say so, and is its own then. */
static void ended(void)
{
	static const char *const known[] = {
		/* None is, as yet. */
		NULL
	};
	const char *words = qemu_end();

	for (unsigned int i = 0; known[i]; i++)
		if (strstr(words, known[i]))
			return;
	give_up(__FILE__, __LINE__, "QEMU is gone: %s", words);
}

/* Oracles */

static void place(void)
{
	guest_config_write(VGPU, 0x10, 4, VRAM);
	guest_config_write(VGPU, 0x18, 4, MMIO);
	guest_config_write(VGPU, 0x04, 2, 6);
}

static void set(unsigned int reg, uint16_t val)
{
	guest_write(2, MMIO + REG_VBE(reg), val);
}

static uint16_t get(unsigned int reg)
{
	return guest_get(2, MMIO + REG_VBE(reg));
}

static const char *vgpu_works(void)
{
	place();
	if (get(VBE_ID) != 0xb0c5)
		return "the adapter is not there";
	if (get(VBE_ENABLE) || get(VBE_XRES))
		return "a reset has left a mode";
	if (guest_get(8, VRAM) || guest_get(8, VRAM + VRAM_SIZE - 8))
		return "a reset has left something in the VRAM";
	set(VBE_BPP, 32);
	set(VBE_XRES, 640);
	set(VBE_YRES, 480);
	set(VBE_ENABLE, 0x41);
	guest_write(8, VRAM + VRAM_SIZE - 8, 0x1234567);
	if (get(VBE_ENABLE) != 0x41 || get(VBE_XRES) != 640)
		return "no mode can be set";
	return guest_get(8, VRAM + VRAM_SIZE - 8) == 0x1234567 ? NULL : "VRAM forgets";
}

static const char *neighbours_unchanged(void)
{
	for (unsigned int i = 0; i < NEIGHBOURS; i++) {
		if (vbe_get(neighbours[i].fd, VBE_XRES) != 320 ||
		    vbe_get(neighbours[i].fd, VBE_ENABLE) != 0x41)
			return "another tenant's mode has changed";
		if (find_other(neighbours_vram[i], PAINT, neighbours_size) != neighbours_size)
			return "another tenant's VRAM has changed";
	}
	return NULL;
}

static void works(void)
{
	const char *wrong;

	/* What is on the screen, whatever was set */
	qemu_command("screendump", "\"filename\":\"/dev/null\",\"device\":\"vgpu\"");
	qemu_reset();
	if (!qemu_alive())
		return ended();
	wrong = vgpu_works();
	for (unsigned int i = 0; i < NICS && !wrong; i++)
		wrong = nic_passes(&nics[i]);
	wrong = wrong ?: neighbours_unchanged();
	if (!qemu_alive())
		return ended();
	if (wrong)
		give_up(__FILE__, __LINE__, "%s; QEMU has said: %s", wrong, qemu_end());
}

/* What inputs do */

static void feed(unsigned int frames, struct bytes *in)
{
	feed_frames(nic->far, frames, in);
}

static void kick(unsigned int n)
{
	nic_notify(nic, n);
}

static void restart(unsigned int ignored)
{
	nic_begin(nic);
}

static void select_nic(struct nic *to)
{
	nic = to;
	nic_use(nic);
}

static void set_up(struct bytes *in)
{
	static const uint8_t bits[] = {
		VIRTIO_F_RING_PACKED, VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_NET_F_CTRL_VQ, VIRTIO_F_RING_RESET, VIRTIO_NET_F_CSUM,
		VIRTIO_NET_F_MRG_RXBUF,
	};
	static const uint16_t sizes[] = { 256, 1, 2, 4, 16, 64, 128, 32 };
	uint8_t b = get8(in), how = get8(in);

	select_nic(&nics[how >> 7]);
	/* As it was left */
	if (how & 0x40)
		return;
	nic->features = b & 0x80 ? 0 : F(VIRTIO_F_VERSION_1);
	for (unsigned int i = 0; i < 7; i++)
		nic->features |= b >> i & 1 ? F(bits[i]) : 0;
	if (b & 0x20)
		nic->features |= F(VIRTIO_NET_F_HOST_TSO4);
	for (unsigned int n = 0; n < RINGS; n++)
		nic->rings.ring[n].size = sizes[how & 7];
	nic_place(nic);
	nic_begin(nic);
}

static void common_field(struct bytes *in)
{
	static const struct { uint8_t at, width; } fields[] = {
		{ NIC_DEVICE_SELECT, 4 }, { NIC_DRIVER_SELECT, 4 }, { NIC_DRIVER_FEATURES, 4 },
		{ NIC_CONFIG_VECTOR, 2 }, { NIC_STATUS, 1 }, { NIC_SELECT, 2 }, { NIC_SIZE, 2 },
		{ NIC_VECTOR, 2 }, { NIC_ENABLE, 2 }, { NIC_DESC, 4 }, { NIC_DESC + 4, 4 },
		{ NIC_DRIVER, 4 }, { NIC_DRIVER + 4, 4 }, { NIC_DEVICE, 4 }, { NIC_DEVICE + 4, 4 },
		{ NIC_RESET, 2 },
	};
	uint8_t which = get8(in);
	unsigned int at = fields[which % 16].at, width = fields[which % 16].width;
	uint64_t val = get_number(in);

	/* An address in the memory, more often than not */
	if (at >= NIC_DESC && at <= NIC_DEVICE && width == 4 && at % 8 == 0 && which & 0x40)
		val = mem_gpa + (val << 4);
	if (which & 0x80) {
		at = get8(in) % NIC_FIELDS;
		width = 1U << (which >> 4 & 3);
	}
	if (which & 0x20 && !(which & 0x80))
		guest_read(width, nic->bar4 + at);
	else
		guest_write(width, nic->bar4 + at, val);
}

static void reach(uint64_t at, uint8_t how, struct bytes *in)
{
	unsigned int width = 1U << (how & 3);

	if (how & 4)
		guest_read(width, at);
	else if (how & 0x80)
		guest_fill(at, get8(in) % BYTES + 1, how);
	else if (how & 0x40)
		guest_read_bytes(at, get8(in) % BYTES + 1);
	else
		guest_write(width, at, get_number(in));
}

static void nic_bar(struct bytes *in)
{
	static const uint16_t areas[] = { NIC_ISR, NIC_CONFIG, NIC_NOTIFY, 0 };
	uint8_t how = get8(in), at = get8(in);

	/* Its MSI-X table, or anything else */
	if ((how & 0x38) == 0x38)
		reach(nic->bar1 + at, how, in);
	else
		reach(nic->bar4 + areas[how >> 3 & 3] + at, how, in);
}

static void config_space(struct bytes *in)
{
	uint8_t how = get8(in), at = get8(in);
	unsigned int slot = VGPU + (how >> 4) % (BEHIND + 1 - VGPU), width = 1U << (how & 3) % 3;
	uint32_t val = get_number(in);

	/* Those that change something, more often than not */
	if (how & 8)
		at = at & 0x80 ? 4 + (at & 0x3f) : 0x40 + (at & 0x7f);
	at &= ~(width - 1);
	if (how & 4)
		guest_config_read(slot, at, width);
	else
		guest_config_write(slot, at, width, val);
}

static void vgpu_bar(struct bytes *in)
{
	static const uint32_t areas[] = { 0x500, 0x600, 0, 0x400, 0x800, 0x500, 0xff0 };
	uint8_t how = get8(in), where = get8(in);

	switch (where >> 5) {
	case 7:
		/* The last of both, and what is behind */
		reach((how & 0x20 ? MMIO + 4096 : VRAM + VRAM_SIZE) - 64 + where % 32 * 4, how, in);
		break;
	case 6:
		reach(VRAM + get_number(in) * 4, how, in);
		break;
	default:
		reach(MMIO + areas[where >> 5] + where % 32, how, in);
	}
}

static void mode(struct bytes *in)
{
	static const uint8_t depths[] = { 32, 32, 16, 8, 24, 4, 15, 0 };
	uint8_t how = get8(in);

	if (!(how & 1)) {
		set(how >> 1 & 15, get_number(in));
		return;
	}
	set(VBE_ENABLE, 0);
	set(VBE_BPP, depths[how >> 1 & 7]);
	set(VBE_XRES, get_number(in) * 8);
	set(VBE_YRES, get_number(in) * 8);
	if (how & 0x10) {
		set(VBE_VIRT_WIDTH, get_number(in) * 8);
		set(VBE_X_OFFSET, get_number(in));
		set(VBE_Y_OFFSET, get_number(in));
	}
	set(VBE_ENABLE, how & 0x20 ? 0x41 : get8(in));
}

static void user(struct bytes *in)
{
	uint8_t how = get8(in);

	if (how < 16)
		qemu_reset();
	else if (how < 64)
		qemu_command("screendump", "\"filename\":\"/dev/null\",\"device\":\"vgpu\"");
	else if (how < 72)
		qemu_command("set_link", how & 1 ? "\"name\":\"weft\",\"up\":true" :
			     "\"name\":\"weft\",\"up\":false");
	else if (how < 76)
		qemu_command("stop", "");
	else
		qemu_command("cont", "");
}

static void step(uint8_t op, struct bytes *in)
{
	unsigned int n = op >> 4 & 1;

	switch (op % 16) {
	case 0 ... 1:
		ring_storm(&nic->rings, n, in);
		break;
	case 2 ... 3:
		ring_offer(&nic->rings, op >> 4 == 15 ? 2 : n, in);
		break;
	case 4:
		ring_words(&nic->rings, (op >> 4) % RINGS, in);
		break;
	case 5:
		kick((op >> 4) % 5);
		break;
	case 6 ... 7:
		common_field(in);
		break;
	case 8:
		nic_bar(in);
		break;
	case 9:
		config_space(in);
		break;
	case 10 ... 11:
		vgpu_bar(in);
		break;
	case 12:
		mode(in);
		break;
	case 13:
		feed(1, in);
		break;
	case 14:
		mem_write(in);
		break;
	default:
		if (op < 64)
			place();
		else if (op < 128)
			nic_place(nic);
		else
			user(in);
	}
}

static void guest_run(struct bytes *in)
{
	set_up(in);
	while (bytes_left(in) && qemu_alive())
		step(get8(in), in);
	guest_flush();
}

/* The target */

static void neighbour(unsigned int i, const char *bdf)
{
	struct vgpu *v = &neighbours[i];

	MUST(vgpu_new(v, bdf, "4m", 1 + i));
	MUST(mode_set(v->fd, 320, 200, 32));
	neighbours_size = region_size(v->fd, REGION_BAR0);
	neighbours_vram[i] = region_map(v->fd, REGION_BAR0, 0, 0);
	MUST(neighbours_vram[i] == MAP_FAILED);
	memset(neighbours_vram[i], PAINT, neighbours_size);
}

static void begin_nic(unsigned int i, int far)
{
	uint8_t *all = mmap(NULL, RAM_MIB << 20, PROT_READ | PROT_WRITE, MAP_SHARED, ram, 0);
	struct nic *new = &nics[i];

	MUST(all == MAP_FAILED);
	*new = (struct nic){
		.slot = NIC(i),
		.bar1 = 0xe8010000 + i * 0x10000,
		.bar4 = 0xe8100000 + i * 0x10000,
		/* The second one's ends with the memory. */
		.at = (i ? RAM_MIB - 1 : 4) << 20,
		.rings = { .feed = feed, .restart = restart, .kick = kick, .places = places },
		.far = far,
	};
	new->mem = all + new->at;
	new->rings.ring[0].write = true;
	select_nic(new);
	mem_fill();
}

static void guest_begin(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	const char *bdf;

	MUST(setrlimit(RLIMIT_MEMLOCK, &all));
	/* Frees what was there before. */
	bdf = parent_fresh();
	if (!*bdf)
		give_up(__FILE__, __LINE__, "weft_softpci has no adapter here");
	bdf = strdup(bdf);
	neighbour(0, bdf);
	MUST(mdev_create(bdf, "16m", uuid_of(0)));
	neighbour(1, bdf);
	/* Behind the adapter, see inside */
	vdev_make(&vdev, 1, &(struct vdev_config){ });
	MUST(guest_link_open(&tap, GUEST_TAP, 12));
	ram = memfd_create("ram", MFD_CLOEXEC);
	MUST(ram < 0);
	MUST(ftruncate(ram, RAM_MIB << 20));
	begin_nic(0, tap.far);
	begin_nic(1, vdev.far);
}

static void guest_open(void)
{
	if (!qemu_alive())
		start();
	place();
	for (unsigned int i = 0; i < NICS; i++)
		nic_place(&nics[i]);
}

static void guest_close(void)
{
	guest_flush();
	if (!qemu_alive())
		return ended();
	qemu_command("cont", "");
	qemu_command("set_link", "\"name\":\"weft\",\"up\":true");
	works();
}

static void guest_end(void)
{
	qemu_end();
}

const struct target target_guest = {
	.name = "guest",
	.elsewhere = true,
	.begin = guest_begin,
	.open = guest_open,
	.run = guest_run,
	.close = guest_close,
	.end = guest_end,
};
