// SPDX-License-Identifier: GPL-2.0
#include "qemu.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "must.h"

#define ARGS	64
#define MEMORY	"memory-backend-file,id=ram,share=on"
#define ROOM	8192		/* of questions, and of answers */
#define ANSWER	24		/* bytes of one, or less */
#define FIRMWARE 65536U
#define PATIENCE 120000		/* milliseconds: others may use the machine, too */

static pid_t pid;
static int qtest = -1, qmp = -1, log_file = -1;
static char asked[ROOM];
static unsigned int nasked, waiting;
static uint64_t last;
static char heard[4096];
static unsigned int nheard;

/* What the guest's CPU finds where it begins: cli, hlt, and again. */
static int firmware(void)
{
	static const uint8_t code[] = { 0xfa, 0xf4, 0xeb, 0xfd };
	int fd = memfd_create("firmware", 0);

	MUST(fd < 0);
	MUST(ftruncate(fd, FIRMWARE));
	MUST(pwrite(fd, code, sizeof(code), FIRMWARE - 16) != sizeof(code));
	return fd;
}

static const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static const char *text(const char *fmt, ...)
{
	static char some[8][128];
	static unsigned int n;
	char *s = some[n++ % 8];
	va_list args;

	va_start(args, fmt);
	vsnprintf(s, sizeof(*some), fmt, args);
	va_end(args);
	return s;
}

static void run(const char *const *more, int ram, unsigned int mib, int theirs[2])
{
	const char *args[ARGS] = {
		"qemu-system-x86_64", "-no-user-config", "-nodefaults", "-display", "none",
		"-accel", "tcg", "-m", text("%u", mib),
		"-machine", "pc,memory-backend=ram",
		"-object", text(MEMORY ",size=%uM,mem-path=/proc/self/fd/%d", mib, ram),
		"-bios", text("/proc/self/fd/%d", firmware()),
		"-chardev", text("socket,id=qtest,fd=%d", theirs[0]),
		"-qtest", "chardev:qtest", "-qtest-log", "none",
		"-chardev", text("socket,id=qmp,fd=%d", theirs[1]), "-mon", "qmp,mode=control",
	};
	unsigned int n = 0;

	while (args[n])
		n++;
	while (*more && n < ARGS - 1)
		args[n++] = *more++;
	fcntl(ram, F_SETFD, 0);
	dup2(log_file, 1);
	dup2(log_file, 2);
	/* Of this thread, which QEMU's main loop is going to be. */
	cover_join();
	execvp(args[0], (char *const *)args);
	perror(args[0]);
	_exit(127);
}

/* Another byte or more within PATIENCE; 0 when there will be none */
static ssize_t get(int fd, void *buf, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return 0;
	if (poll(&p, 1, PATIENCE) != 1)
		give_up(__FILE__, __LINE__, "QEMU says nothing any more");
	return read(fd, buf, size);
}

static void gone(void)
{
	nasked = 0;
	waiting = 0;
	if (qtest >= 0) {
		close(qtest);
		close(qmp);
	}
	qtest = -1;
	qmp = -1;
}

void guest_flush(void)
{
	static char buf[ROOM];
	unsigned int have = 0;

	for (unsigned int sent = 0; sent < nasked; ) {
		ssize_t n = send(qtest, asked + sent, nasked - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return gone();
		sent += n;
	}
	nasked = 0;
	while (waiting) {
		char *line = buf, *end;
		ssize_t n = get(qtest, buf + have, sizeof(buf) - 1 - have);

		if (n <= 0)
			return gone();
		have += n;
		buf[have] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			if (strncmp(line, "OK", 2))
				give_up(__FILE__, __LINE__, "qtest: %s", line);
			last = line[2] ? strtoull(line + 3, NULL, 0) : 0;
			waiting--;
		}
		have = strlen(line);
		memmove(buf, line, have);
	}
}

static void ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void ask(const char *fmt, ...)
{
	va_list args;

	if (qtest < 0)
		return;
	va_start(args, fmt);
	nasked += vsnprintf(asked + nasked, sizeof(asked) - nasked, fmt, args);
	va_end(args);
	counts.calls++;
	waiting++;
	/* No more than what fits into the sockets, both ways. */
	if (nasked > ROOM - 128 || waiting >= ROOM / ANSWER)
		guest_flush();
}

static char letter(unsigned int width)
{
	return width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q';
}

void guest_out(unsigned int width, uint16_t port, uint32_t val)
{
	ask("out%c %#x %#x\n", letter(width), port, val);
}

void guest_write(unsigned int width, uint64_t address, uint64_t val)
{
	ask("write%c %#llx %#llx\n", letter(width), (unsigned long long)address,
	    (unsigned long long)val);
}

void guest_read(unsigned int width, uint64_t address)
{
	ask("read%c %#llx\n", letter(width), (unsigned long long)address);
}

void guest_read_bytes(uint64_t address, uint32_t len)
{
	ask("read %#llx %#x\n", (unsigned long long)address, len);
}

void guest_fill(uint64_t address, uint32_t len, uint8_t byte)
{
	ask("memset %#llx %#x %#x\n", (unsigned long long)address, len, byte);
}

uint64_t guest_get(unsigned int width, uint64_t address)
{
	last = 0;
	guest_read(width, address);
	guest_flush();
	return last;
}

static void select_config(unsigned int slot, unsigned int at)
{
	guest_out(4, 0xcf8, 0x80000000 | slot << 11 | (at & 0xfc));
}

void guest_config_write(unsigned int slot, unsigned int at, unsigned int width, uint32_t val)
{
	select_config(slot, at);
	guest_out(width, 0xcfc + at % 4, val);
}

void guest_config_read(unsigned int slot, unsigned int at, unsigned int width)
{
	select_config(slot, at);
	ask("in%c %#x\n", letter(width), 0xcfc + at % 4);
}

uint32_t guest_config_get(unsigned int slot, unsigned int at, unsigned int width)
{
	last = 0;
	guest_config_read(slot, at, width);
	guest_flush();
	return last;
}

/* Reads what QEMU says until there is this in a line; lines are short. */
static void hear(const char *what)
{
	for (;;) {
		char *line = heard, *end;
		bool found = false;
		ssize_t n;

		heard[nheard] = 0;
		for (; !found && (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			found = strstr(line, what);
		}
		nheard -= line - heard;
		memmove(heard, line, nheard);
		if (found)
			return;
		if (nheard == sizeof(heard) - 1)
			nheard = 0;
		n = get(qmp, heard + nheard, sizeof(heard) - 1 - nheard);
		if (n <= 0)
			return gone();
		nheard += n;
	}
}

static void say(const char *name, const char *arguments)
{
	char line[512];
	int n = snprintf(line, sizeof(line),
			 "{\"execute\":\"%s\",\"arguments\":{%s},\"id\":\"weft\"}\n",
			 name, arguments);

	guest_flush();
	if (qmp < 0)
		return;
	counts.calls++;
	if (send(qmp, line, n, MSG_NOSIGNAL) != n)
		gone();
}

/* Whether it was refused is nothing to us. */
void qemu_command(const char *name, const char *arguments)
{
	say(name, arguments);
	hear("\"id\": \"weft\"");
}

void qemu_reset(void)
{
	say("system_reset", "");
	hear("\"RESET\"");
}

void qemu_start(const char *const *args, int ram, unsigned int mib)
{
	int ours[2], theirs[2];

	MUST(pid);
	if (log_file < 0) {
		log_file = memfd_create("log", MFD_CLOEXEC);
		MUST(log_file < 0);
	}
	MUST(ftruncate(log_file, 0));
	MUST(lseek(log_file, 0, SEEK_SET));
	for (unsigned int i = 0; i < 2; i++) {
		int pair[2];

		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		ours[i] = pair[0];
		theirs[i] = pair[1];
		MUST(fcntl(ours[i], F_SETFD, FD_CLOEXEC));
	}
	pid = fork();
	MUST(pid < 0);
	if (!pid)
		run(args, ram, mib, theirs);
	close(theirs[0]);
	close(theirs[1]);
	qtest = ours[0];
	qmp = ours[1];
	nasked = 0;
	waiting = 0;
	nheard = 0;
	hear("\"QMP\"");
	qemu_command("qmp_capabilities", "");
}

bool qemu_alive(void)
{
	return qtest >= 0;
}

const char *qemu_end(void)
{
	static char words[2048];
	ssize_t n;

	gone();
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	pid = 0;
	n = log_file < 0 ? 0 : pread(log_file, words, sizeof(words) - 1, 0);
	words[n > 0 ? n : 0] = 0;
	return words;
}
