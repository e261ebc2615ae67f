// SPDX-License-Identifier: GPL-2.0
/* What is in sysfs of weft_vgpu's adapters and instances. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"
#include "fuzz.h"

#define UUIDS		6
#define FILES		256
#define ADAPTERS	4

static char bdfs[ADAPTERS][BDF_SIZE];
static unsigned int nbdfs;
static char *files[FILES];	/* of an adapter, below its folder */
static unsigned int nfiles;
static char *types[32];
static unsigned int ntypes;

static void list(const char *dir)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), PCI "/%s/%s", bdfs[0], dir);
	d = opendir(path);
	while (d && (e = readdir(d)) && nfiles < FILES) {
		char *s;

		if (*e->d_name == '.')
			continue;
		MUST(asprintf(&s, "%s/%s", dir, e->d_name) < 0);
		if (e->d_type == DT_DIR && strcmp(e->d_name, "devices"))
			list(s);
		else if (e->d_type == DT_REG)
			files[nfiles++] = s;
	}
	if (d)
		closedir(d);
}

static void list_types(void)
{
	struct dirent *e;
	char path[300];
	DIR *d;

	snprintf(path, sizeof(path), PCI "/%s/mdev_supported_types", bdfs[0]);
	d = opendir(path);
	MUST(!d);
	while ((e = readdir(d)) && ntypes < 32)
		if (*e->d_name != '.')
			types[ntypes++] = strdup(e->d_name);
	closedir(d);
	MUST(!ntypes);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void mdev_begin(void)
{
	const char *bdf;

	while (nbdfs < ADAPTERS && *(bdf = softpci_find(nbdfs)))
		memcpy(bdfs[nbdfs++], bdf, strlen(bdf) + 1);
	if (!nbdfs)
		give_up(__FILE__, __LINE__, "weft_softpci has no adapter here");
	list("weft");
	list("mdev_supported_types");
	list_types();
	/* The same everywhere, as bytes of inputs count them. */
	qsort(files, nfiles, sizeof(*files), by_name);
	qsort(types, ntypes, sizeof(*types), by_name);
}

static void access_file(const char *path, struct bytes *in)
{
	static const char *const words[] = {
		"0", "1", "y", "n", "", "\n", "-1", "4294967296", "x",
	};
	uint8_t how = get8(in), what = get8(in);
	char buf[4200];
	int fd = open(path, (how & 1 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	size_t len;

	counts.calls += 2;
	if (fd < 0)
		return;
	if (!(how & 1)) {
		if (pread(fd, buf, 1 + get16(in) % 4096, how & 2 ? get16(in) : 0) < 0)
			counts.calls++;
	} else if (what < 160) {
		const char *w = words[what % (sizeof(words) / sizeof(*words))];

		if (write(fd, w, strlen(w)) < 0)
			counts.calls++;
	} else {
		len = get8(in) % 80;
		for (unsigned int i = 0; i < len; i++)
			buf[i] = get8(in);
		if (write(fd, buf, len) < 0)
			counts.calls++;
	}
	close(fd);
}

/* A UUID, or what is none in some place. */
static const char *uuid(struct bytes *in)
{
	static char s[64];
	uint8_t n = get8(in);

	snprintf(s, sizeof(s), "%s", uuid_of(n % UUIDS));
	if (n >= 224)
		s[get8(in) % 40] = get8(in);
	return s;
}

static void mdev_run(struct bytes *in)
{
	static const char *const attrs[] = {
		"weft/state", "weft/type", "weft/vram_bytes", "weft/vram_offset", "weft/mode",
		"weft/opener", "weft/created", "weft/display", "weft/last_error", "remove",
	};
	char path[300];

	while (bytes_left(in)) {
		uint8_t op = get8(in), n;
		const char *bdf = bdfs[op / 16 % nbdfs];

		switch (op % 16) {
		case 0 ... 4:
			n = get8(in);
			counts.calls += 3;
			file_write(uuid(in), PCI "/%s/mdev_supported_types/%s/create", bdf,
				   types[n % ntypes]);
			break;
		case 5 ... 6:
			counts.calls += 3;
			file_write(get8(in) < 200 ? "1" : "x", MDEVS "/%s/remove", uuid(in));
			break;
		case 7 ... 9:
			n = get8(in);
			snprintf(path, sizeof(path), PCI "/%s/%s", bdf, files[n % nfiles]);
			access_file(path, in);
			break;
		case 10 ... 13:
			n = get8(in);
			snprintf(path, sizeof(path), MDEVS "/%s/%s", uuid(in),
				 attrs[n % (sizeof(attrs) / sizeof(*attrs))]);
			access_file(path, in);
			break;
		case 14:
			snprintf(path, sizeof(path), DRIVER "/last_error");
			access_file(path, in);
			break;
		default:
			/* With all that is there, now and then. */
			if (get8(in) >= 32)
				break;
			counts.calls += 6;
			adapter_unbind(bdf);
			adapter_bind(bdf);
		}
	}
}

static void mdev_open(void)
{
	for (unsigned int i = 0; i < nbdfs; i++)
		if (!adapter_bound(bdfs[i]))
			adapter_bind(bdfs[i]);
}

static void mdev_close(void)
{
	for (unsigned int i = 0; i < UUIDS; i++)
		mdev_remove(uuid_of(i));
	mdev_remove_all();
	for (unsigned int i = 0; i < nbdfs; i++)
		adapter_enable(bdfs[i], true);
}

const struct target target_mdev = {
	.name = "mdev",
	.begin = mdev_begin,
	.open = mdev_open,
	.run = mdev_run,
	.close = mdev_close,
};
