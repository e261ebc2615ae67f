// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest sends and receives.
 *
 *   ping:ADDRESS:COUNT[:BYTES]	each echo must come back once and unchanged
 *   file:BYTES:SEED		makes the file that "send" sends
 *   receive:PORT[:COUNT]	takes so many connections (1), one after another;
 *				what comes is written to a file and summed there
 *   send:ADDRESS:PORT		sends the file over one connection
 *   drain:PORT			takes one connection, and sums what comes
 *   pump:ADDRESS:PORT		sends over one connection until told "enough"
 *   enough
 *
 * A sum is FNV-1a of 64 bits. "receive", "send", "drain" and "pump" run beside
 * other commands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "command.h"

#define FILE_SENT	"/file"
#define FILE_ENOUGH	"/enough"
#define PATIENCE	100	/* seconds without a byte */
#define ECHO_PATIENCE	10000	/* milliseconds for one echo */
#define ECHO_ID		0x7765
#define ECHO_MAX	8192

#define SUM_START	0xcbf29ce484222325

static unsigned char block[1 << 16];

static uint64_t sum_more(uint64_t sum, const unsigned char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ data[i]) * 0x100000001b3;
	return sum;
}

/* Bytes that do not repeat: xorshift64. */
static void fill_block(uint64_t *state, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		*state ^= *state << 13;
		*state ^= *state >> 7;
		*state ^= *state << 17;
		block[i] = *state >> 32;
	}
}

/* The sum and size of a file; false when it cannot be read. */
static bool sum_file(const char *path, uint64_t *sum, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	*sum = SUM_START;
	*size = 0;
	if (fd < 0)
		return false;
	while ((got = read(fd, block, sizeof(block))) > 0) {
		*sum = sum_more(*sum, block, got);
		*size += got;
	}
	close(fd);
	return !got;
}

static bool write_all(int fd, const void *data, size_t size)
{
	while (size) {
		ssize_t did = write(fd, data, size);

		if (did <= 0)
			return false;
		data = (const char *)data + did;
		size -= did;
	}
	return true;
}

static const char *do_file(char **args)
{
	size_t left = strtoul(args[0], NULL, 0);
	uint64_t state = strtoull(args[1], NULL, 0) * 2 + 1, sum;
	int fd = open(FILE_SENT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0;

	while (good && left) {
		size_t part = left < sizeof(block) ? left : sizeof(block);

		fill_block(&state, part);
		good = write_all(fd, block, part);
		left -= part;
	}
	if (fd >= 0)
		close(fd);
	if (!good || !sum_file(FILE_SENT, &sum, &left))
		return strerror(errno);
	report("file %zu bytes %016llx", left, (unsigned long long)sum);
	return NULL;
}

static bool parse(const char *address, const char *port, struct sockaddr_in *to)
{
	memset(to, 0, sizeof(*to));
	to->sin_family = AF_INET;
	to->sin_port = htons(atoi(port));
	return inet_pton(AF_INET, address, &to->sin_addr) == 1;
}

static void set_patience(int fd)
{
	const struct timeval time = { .tv_sec = PATIENCE };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

/* Takes one connection into a file. */
static const char *take_file(int fd, const char *port)
{
	uint64_t sum = 0;
	size_t size = 0;
	ssize_t got = -1;
	char path[32];
	int out;

	snprintf(path, sizeof(path), "/received-%.5s", port);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (out >= 0 && (got = read(fd, block, sizeof(block))) > 0)
		if (!write_all(out, block, got))
			break;
	if (out >= 0)
		close(out);
	if (got || !sum_file(path, &sum, &size))
		return strerror(errno);
	report("received %zu bytes %016llx", size, (unsigned long long)sum);
	unlink(path);
	return NULL;
}

static const char *take_stream(int fd, const char *port)
{
	uint64_t sum = SUM_START;
	size_t size = 0;
	ssize_t got;

	(void)port;
	while ((got = read(fd, block, sizeof(block))) > 0) {
		sum = sum_more(sum, block, got);
		size += got;
	}
	if (got)
		return strerror(errno);
	report("drained %zu bytes %016llx", size, (unsigned long long)sum);
	return NULL;
}

static const char *serve(const char *port, int count,
			 const char *(*take)(int fd, const char *port))
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *wrong = NULL;
	struct sockaddr_in at;
	int one = 1, fd;

	if (listener < 0 || !parse("0.0.0.0", port, &at))
		return "no socket";
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	set_patience(listener);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 4)) {
		close(listener);
		return strerror(errno);
	}
	report("listening %s", port);
	while (count-- && !wrong) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0) {
			wrong = "nobody connected";
			break;
		}
		set_patience(fd);
		wrong = take(fd, port);
		close(fd);
	}
	close(listener);
	return wrong;
}

static const char *do_receive(char **args)
{
	return serve(args[0], *args[1] ? atoi(args[1]) : 1, take_file);
}

static const char *do_drain(char **args)
{
	return serve(args[0], 1, take_stream);
}

/* The whole file. */
static const char *give_file(int fd)
{
	int in = open(FILE_SENT, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got = -1;

	while (in >= 0 && (got = read(in, block, sizeof(block))) > 0) {
		if (!write_all(fd, block, got))
			break;
		size += got;
	}
	if (in >= 0)
		close(in);
	if (got)
		return strerror(errno);
	report("sent %zu bytes", size);
	return NULL;
}

static const char *give_stream(int fd)
{
	uint64_t state = 1, sum = SUM_START;
	size_t size = 0;

	while (access(FILE_ENOUGH, F_OK)) {
		fill_block(&state, sizeof(block));
		if (!write_all(fd, block, sizeof(block)))
			return strerror(errno);
		sum = sum_more(sum, block, sizeof(block));
		size += sizeof(block);
	}
	report("pumped %zu bytes %016llx", size, (unsigned long long)sum);
	return NULL;
}

static const char *call(char **args, const char *(*give)(int fd))
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *wrong = NULL;
	struct sockaddr_in to;

	if (fd < 0 || !parse(args[0], args[1], &to))
		return "that is no IPv4 address";
	set_patience(fd);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		wrong = strerror(errno);
	if (!wrong) {
		report("connected %s", args[1]);
		wrong = give(fd);
	}
	/* Sent is what the other end has acknowledged and closed upon. */
	shutdown(fd, SHUT_WR);
	if (!wrong && read(fd, block, 1))
		wrong = "the other end did not take all of it";
	close(fd);
	return wrong;
}

static const char *do_send(char **args)
{
	return call(args, give_file);
}

static const char *do_pump(char **args)
{
	unlink(FILE_ENOUGH);
	return call(args, give_stream);
}

static const char *do_enough(char **args)
{
	int fd = open(FILE_ENOUGH, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)args;
	if (fd < 0)
		return strerror(errno);
	close(fd);
	return NULL;
}

static uint16_t internet_sum(const unsigned char *data, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += data[i] << 8 | data[i + 1];
	if (size % 2)
		sum += data[size - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* An echo request is as long as its header and so many bytes, all different. */
static size_t make_echo(unsigned char *packet, unsigned int n, size_t bytes)
{
	struct icmphdr head = { .type = ICMP_ECHO };

	head.un.echo.id = htons(ECHO_ID);
	head.un.echo.sequence = htons(n);
	memcpy(packet, &head, sizeof(head));
	for (size_t i = 0; i < bytes; i++)
		packet[sizeof(head) + i] = i * 7 + n;
	head.checksum = internet_sum(packet, sizeof(head) + bytes);
	memcpy(packet, &head, sizeof(head));
	return sizeof(head) + bytes;
}

/* Whether what came is the answer to the nth echo, to the last byte. */
static bool is_answer(const unsigned char *got, ssize_t size,
		      unsigned char *sent, size_t sent_size)
{
	const size_t ip = (got[0] & 15) * 4;

	if (size < (ssize_t)(ip + sizeof(struct icmphdr)) ||
	    size - ip != sent_size || got[ip] != ICMP_ECHOREPLY)
		return false;
	/* Type and checksum differ, and nothing else. */
	return !memcmp(got + ip + 4, sent + 4, sent_size - 4);
}

static const char *do_ping(char **args)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	unsigned int count = atoi(args[1]), back = 0, twice = 0;
	size_t bytes = *args[2] ? strtoul(args[2], NULL, 0) : 56;
	static unsigned char sent[ECHO_MAX + 64], got[ECHO_MAX + 128];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct sockaddr_in to;

	if (fd < 0 || bytes > ECHO_MAX || !parse(args[0], "0", &to))
		return "that is no IPv4 address or a size that is not served";
	for (unsigned int n = 0; n < count; n++) {
		size_t size = make_echo(sent, n, bytes);
		bool answered = false;
		int patience = ECHO_PATIENCE;

		if (sendto(fd, sent, size, 0, (struct sockaddr *)&to,
			   sizeof(to)) != (ssize_t)size)
			continue;
		/* Once answered, a second answer would be there already. */
		while (poll(&poll_fd, 1, answered ? 0 : patience) > 0) {
			ssize_t did = recv(fd, got, sizeof(got), 0);

			if (!is_answer(got, did, sent, size))
				continue;
			if (answered)
				twice++;
			else
				back++;
			answered = true;
		}
	}
	close(fd);
	report("ping %u of %u came back, %u twice", back, count, twice);
	return back == count && !twice ? NULL : "not each came back once";
}

const struct command traffic_commands[] = {
	{ "ping", do_ping },
	{ "file", do_file },
	{ "receive", do_receive, true },
	{ "send", do_send, true },
	{ "drain", do_drain, true },
	{ "pump", do_pump, true },
	{ "enough", do_enough },
	{ NULL },
};
