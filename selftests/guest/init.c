// SPDX-License-Identifier: GPL-2.0
/*
 * The guest: its first and only process.
 *
 * It loads the drivers' modules, then does what it is told, first by
 * the kernel's command line (weft.do=probe,paint:loom:GUEST_1,...), then by
 * lines on the serial console in the same words. Every command is answered
 * by lines that start with "weft: ", the last one "weft: ok ..." or
 * "weft: failed ...".
 *
 *   probe			waits for an adapter that a driver has bound
 *   modes			lists the modes and the monitor's EDID
 *   paint:NAME:LABEL[:WxH]	sets a mode (the preferred one) and paints
 *   fill:HEX			writes a word all over the VRAM, without driver
 *   expect:HEX			says where the VRAM holds anything else
 *   poweroff
 *
 * More are in link.c, filter.c and traffic.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "adapter.h"
#include "command.h"
#include "picture.h"
#include "screen.h"

#define MAX_ARGS	4
#define MODULES		"/modules/"

static struct screen screen = { .fd = -1 };

static double uptime(void)
{
	char text[64] = "";
	FILE *file = fopen("/proc/uptime", "r");

	if (file) {
		if (!fgets(text, sizeof(text), file))
			text[0] = 0;
		fclose(file);
	}
	return atof(text);
}

void report(const char *format, ...)
{
	va_list args;

	printf("weft: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/*
 * Commands: each returns NULL, or why it failed.
 */

static const char *find_adapter(struct adapter *adapter)
{
	if (!adapter_find(adapter)) {
		adapter_rescan();
		if (!adapter_find(adapter))
			return "there is no display adapter";
	}
	return NULL;
}

static const char *find_driven(struct adapter *adapter)
{
	const char *wrong = find_adapter(adapter);

	if (!wrong && !adapter->driver[0])
		wrong = "no driver has bound the adapter";
	if (!wrong && !adapter->card[0])
		wrong = "the driver offers no card";
	return wrong;
}

static const char *do_probe(char **args)
{
	struct adapter adapter;
	const char *wrong = find_driven(&adapter);

	(void)args;
	if (adapter.address[0])
		report("adapter %s %04x:%04x vram %zu", adapter.address,
		       adapter.vendor, adapter.device, adapter.vram);
	if (adapter.driver[0])
		report("driver %s", adapter.driver);
	return wrong;
}

static const char *do_modes(char **args)
{
	struct adapter adapter;
	unsigned char edid[1024];
	const char *wrong = find_driven(&adapter);
	size_t size;

	(void)args;
	if (wrong)
		return wrong;
	screen_close(&screen);
	wrong = screen_open(&screen, adapter.card);
	if (wrong)
		return wrong;
	for (unsigned int i = 0; i < screen.nmodes; i++) {
		struct screen_mode mode = screen_mode(&screen, i);

		report("mode %ux%u%s", mode.width, mode.height,
		       mode.preferred ? " preferred" : "");
	}
	size = adapter_edid(&adapter, edid, sizeof(edid));
	report("edid %zu bytes", size);
	if (size >= 128) {
		unsigned int id = edid[8] << 8 | edid[9];

		report("monitor %c%c%c", '@' + (id >> 10 & 31),
		       '@' + (id >> 5 & 31), '@' + (id & 31));
	}
	return NULL;
}

static void paint(const struct picture *pic)
{
	/* Whole rows go to the VRAM, which no cache may stand before. */
	static uint32_t row[PICTURE_MAX_WIDTH];

	for (unsigned int y = 0; y < screen.height; y++) {
		picture_row(pic, y, row);
		memcpy(screen.pixels + (size_t)y * screen.stride, row,
		       screen.width * sizeof(*row));
	}
}

static const char *do_paint(char **args)
{
	unsigned int width = 0, height = 0;
	struct adapter adapter;
	struct picture *pic;
	const char *wrong;
	char label[32];

	wrong = find_driven(&adapter);
	if (wrong)
		return wrong;
	if (*args[2] && sscanf(args[2], "%ux%u", &width, &height) != 2)
		return "the mode is not of the form 800x600";
	snprintf(label, sizeof(label), "%s", args[1]);
	for (char *c = label; *c; c++)
		if (*c == '_')
			*c = ' ';

	screen_close(&screen);
	wrong = screen_open(&screen, adapter.card);
	if (!wrong)
		wrong = screen_show(&screen, width, height);
	if (wrong)
		return wrong;
	report("mode %ux%u stride %u", screen.width, screen.height,
	       screen.stride);
	pic = picture_open(args[0], label, screen.width, screen.height);
	if (!pic)
		return "no such picture";
	paint(pic);
	picture_close(pic);
	screen_flush(&screen);
	report("PAINTED %s", args[0]);
	return NULL;
}

static const char *map_vram(uint32_t **vram, size_t *words)
{
	struct adapter adapter;
	const char *wrong = find_adapter(&adapter);

	if (wrong)
		return wrong;
	screen_close(&screen);
	*vram = adapter_map_vram(&adapter);
	*words = adapter.vram / sizeof(**vram);
	return *vram ? NULL : "cannot map the VRAM";
}

static const char *do_fill(char **args)
{
	uint32_t *vram, word = strtoul(args[0], NULL, 16);
	size_t words;
	const char *wrong = map_vram(&vram, &words);

	if (wrong)
		return wrong;
	for (size_t i = 0; i < words; i++)
		vram[i] = word;
	report("filled %zu bytes with %08x", words * sizeof(*vram), word);
	return NULL;
}

static const char *do_expect(char **args)
{
	uint32_t *vram, word = strtoul(args[0], NULL, 16);
	size_t words, wrong_words = 0;
	const char *wrong = map_vram(&vram, &words);

	if (wrong)
		return wrong;
	for (size_t i = 0; i < words; i++) {
		uint32_t is = vram[i];

		if (is != word && !wrong_words++)
			report("at %zx is %08x", i * sizeof(*vram), is);
	}
	report("%zu of %zu words are not %08x", wrong_words, words, word);
	return wrong_words ? "the VRAM holds something else" : NULL;
}

static const char *do_poweroff(char **args)
{
	(void)args;
	fflush(stdout);
	tcdrain(1);
	reboot(RB_AUTOBOOT);	/* there is no ACPI to power off by */
	return "still here";
}

static const struct command init_commands[] = {
	{ "probe", do_probe },
	{ "modes", do_modes },
	{ "paint", do_paint },
	{ "fill", do_fill },
	{ "expect", do_expect },
	{ "poweroff", do_poweroff },
	{ NULL },
};

static const struct command *find_command(const char *name)
{
	static const struct command *const all[] = {
		init_commands, link_commands, filter_commands, traffic_commands,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (const struct command *c = all[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static void run(char *line)
{
	const char *wrong = "there is no such command";
	char nothing[] = "", *args[MAX_ARGS + 1], *rest = line;
	const struct command *command;
	pid_t child = -1;

	for (int i = 0; i <= MAX_ARGS; i++) {
		args[i] = strsep(&rest, ":");
		if (!args[i])
			args[i] = nothing;
	}
	command = find_command(args[0]);
	if (command && command->beside)
		child = fork();
	if (child > 0)
		return;
	if (command)
		wrong = command->run(args + 1);
	if (wrong)
		report("failed %s: %s", args[0], wrong);
	else
		report("ok %s at %.2f", args[0], uptime());
	if (!child)
		_exit(0);
}

/*
 * Start
 */

static void mount_all(void)
{
	static const struct {
		const char *type;
		const char *at;
	} mounts[] = {
		{ "devtmpfs", "/dev" }, { "proc", "/proc" }, { "sysfs", "/sys" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].at, 0755);
		mount(mounts[i].type, mounts[i].at, mounts[i].type, 0, "");
	}
}

/* Lines come and go unchanged and are not echoed. */
static void open_console(void)
{
	struct termios tty;
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (!tcgetattr(fd, &tty)) {
		tty.c_oflag &= ~OPOST;
		tty.c_lflag &= ~(ECHO | ECHONL);
		tcsetattr(fd, TCSANOW, &tty);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
}

static void load_modules(void)
{
	FILE *order = fopen(MODULES "order", "r");
	char name[64], path[96];

	while (order && fgets(name, sizeof(name), order)) {
		const char *params = "";
		int fd;

		name[strcspn(name, "\n")] = 0;
		/* Nobody uses a frame buffer device here. */
		if (!strcmp(name, "drm_kms_helper.ko"))
			params = "fbdev_emulation=0";
		snprintf(path, sizeof(path), MODULES "%s", name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, params, 0) &&
			       errno != EEXIST))
			report("module %s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	if (order)
		fclose(order);
}

static void run_command_line(void)
{
	static char line[4096];
	FILE *file = fopen("/proc/cmdline", "r");
	char *word, *at, *rest = line;

	if (!file)
		return;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	while ((word = strsep(&rest, "\n ")))
		if (!strncmp(word, "weft.do=", 8))
			for (word += 8; (at = strsep(&word, ",")); )
				run(at);
}

int main(void)
{
	char line[256];

	mount_all();
	open_console();
	signal(SIGCHLD, SIG_IGN);	/* nobody waits for those beside us */
	report("init at %.2f", uptime());
	load_modules();
	run_command_line();
	report("READY at %.2f", uptime());
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[0])
			run(line);
	}
	do_poweroff(NULL);
	return 1;
}
