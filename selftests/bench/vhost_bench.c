// SPDX-License-Identifier: GPL-2.0
/*
 * vhost_bench - what a packet costs, in instructions, beside in-tree vhost-net
 *
 * For a machine that counts instructions as time (QEMU's -icount): there the
 * time-stamp counter is a count of the whole machine's instructions, and the
 * CPU time of a worker, in nanoseconds, one of its own. All contenders are up
 * in the same boot, each a process with a tap of its own, and take turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vhost_load_lib.h"

#define PEER		"/dev/vhost-net"
#define MAX_ROUNDS	64

enum { IN_TREE, SPLIT, PACKED, CONTENDERS };

static const char *const names[] = { "in-tree", "split", "packed" };

/* How the guest's memory is laid out. */
static const struct {
	const char *name, *about;
	unsigned int regions;
	enum guest_iotlb iotlb;
} layouts[] = {
	{ "1region", "1 region", 1, GUEST_NO_IOTLB },
	{ "64regions", "64 regions", 64, GUEST_NO_IOTLB },
	{ "iotlb", "IOTLB, preloaded", 1, GUEST_IOTLB_PRELOADED },
};

static struct {
	const char *load, *layout, *only, *figures;
	unsigned int rounds, packets, size;
	bool in_order, vdpa;
} opt = { .rounds = 3, .size = 256 };

/* A contender is a process that is told a load and answers with its cost. */
struct contender {
	pid_t pid;
	int to, from;
};

struct order {
	const struct load *load;
	unsigned int packets;
};

static void fail(const char *what)
{
	fprintf(stderr, "vhost_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void serve(const struct setup *s, int from, int to)
{
	struct order o;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	load_open(s);
	if (write(to, "", 1) != 1)
		fail("a word that it is there");
	while (read(from, &o, sizeof(o)) == sizeof(o)) {
		struct cost c = load_round(o.load, o.packets);

		if (write(to, &c, sizeof(c)) != sizeof(c))
			fail("an answer");
	}
	_exit(0);
}

static struct contender start(const struct setup *s)
{
	struct contender c = { 0 };
	int there[2], back[2];
	char ready;

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		fail("a pipe");
	fflush(NULL);
	c.pid = fork();
	if (c.pid < 0)
		fail("a process");
	if (!c.pid) {
		/* Its own ends only, so that it sees when the others are closed. */
		close(there[1]);
		close(back[0]);
		serve(s, there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	c.to = there[1];
	c.from = back[0];
	/* One after the other: devices get their numbers as they are made. */
	if (read(c.from, &ready, 1) != 1)
		exit(1);
	return c;
}

static void stop(struct contender *c)
{
	if (!c->pid)
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->to);
	close(c->from);
	c->pid = 0;
}

static struct cost ask(struct contender *c, const struct load *l, unsigned int packets)
{
	struct order o = { l, packets };
	struct cost cost;

	if (write(c->to, &o, sizeof(o)) != sizeof(o) ||
	    read(c->from, &cost, sizeof(cost)) != sizeof(cost)) {
		fprintf(stderr, "vhost_bench: a contender died at %s\n", l->name);
		exit(1);
	}
	return cost;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Of one member over all rounds. */
static double median(const struct cost *c, unsigned int n, size_t member)
{
	double v[MAX_ROUNDS];

	for (unsigned int i = 0; i < n; i++)
		v[i] = *(const double *)((const char *)&c[i] + member);
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

static struct cost medians(const struct cost *c, unsigned int n)
{
	struct cost m;

	for (size_t at = 0; at < sizeof(m); at += sizeof(double))
		*(double *)((char *)&m + at) = median(c, n, at);
	return m;
}

/* Output */

static void head(const char *about)
{
	printf("\n%s; ring of %u%s\n", about, opt.size, opt.in_order ? ", in order" : "");
	printf("%-31s %32s   %32s   %20s\n", "", "worker, instructions a packet",
	       "whole machine", "1000 packets/s *");
	printf("%-31s", "");
	for (int i = 0; i < 2; i++)
		printf(" %7s %6s %5s %6s %5s  ", names[0], names[1], "ratio", names[2], "ratio");
	printf(" %7s %5s %6s\n", names[0], names[1], names[2]);
	fflush(stdout);
}

static void group(const double *v)
{
	printf(" %7.0f", v[IN_TREE]);
	for (int i = SPLIT; i < CONTENDERS; i++) {
		printf(" %6.0f", v[i]);
		if (v[i] > 0 && v[IN_TREE] > 0)
			printf(" %5.2f", v[i] / v[IN_TREE]);
		else
			printf(" %5s", "");
	}
	printf("  ");
}

static void row(const struct load *l, const struct cost *c)
{
	double worker[CONTENDERS], machine[CONTENDERS];

	for (int i = 0; i < CONTENDERS; i++) {
		worker[i] = c[i].worker;
		machine[i] = c[i].machine;
	}
	printf("%-31s", l->about);
	group(worker);
	group(machine);
	printf(" %7.1f %5.1f %6.1f\n", c[0].pps / 1000, c[1].pps / 1000, c[2].pps / 1000);
	fflush(stdout);
}

/* One line a figure: layout, load, contender, what, value. */
static void figures(FILE *f, const char *layout, const struct load *l, const struct cost *c)
{
	for (int i = 0; i < CONTENDERS; i++) {
		if (!c[i].worker)
			continue;
		fprintf(f, "%s %s %s worker %.1f\n", layout, l->name, names[i], c[i].worker);
		fprintf(f, "%s %s %s machine %.1f\n", layout, l->name, names[i], c[i].machine);
		fprintf(f, "%s %s %s kicks %.4f\n", layout, l->name, names[i], c[i].kicks);
		fprintf(f, "%s %s %s calls %.4f\n", layout, l->name, names[i], c[i].calls);
	}
	fflush(f);
}

static bool wanted(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!list)
		return true;
	for (const char *p = list; (p = strstr(p, name)); p += len)
		if ((p == list || p[-1] == ',') && (!p[len] || p[len] == ','))
			return true;
	return false;
}

static void bench(unsigned int layout, FILE *out)
{
	struct contender c[CONTENDERS] = { 0 };
	static struct cost cost[CONTENDERS][MAX_ROUNDS];

	for (int i = 0; i < CONTENDERS; i++) {
		struct setup s = {
			.node = i == IN_TREE ? PEER : opt.vdpa ? NULL : guest_dev_node(),
			.function = i - SPLIT,
			.packed = i == PACKED,
			.in_order = opt.in_order && i != IN_TREE,
			.regions = layouts[layout].regions,
			.size = opt.size,
			.iotlb = layouts[layout].iotlb,
		};

		if (wanted(opt.only, names[i]) && !(s.node && access(s.node, F_OK)))
			c[i] = start(&s);
	}
	head(layouts[layout].about);
	for (const struct load *l = loads; l->name; l++) {
		struct cost m[CONTENDERS] = { 0 };

		if (!wanted(opt.load, l->name))
			continue;
		for (unsigned int n = 0; n < opt.rounds; n++)
			for (int i = 0; i < CONTENDERS; i++)
				if (c[i].pid)
					cost[i][n] = ask(&c[i], l, opt.packets ?: l->packets);
		for (int i = 0; i < CONTENDERS; i++)
			if (c[i].pid)
				m[i] = medians(cost[i], opt.rounds);
		row(l, m);
		if (out)
			figures(out, layouts[layout].name, l, m);
	}
	for (int i = 0; i < CONTENDERS; i++)
		stop(&c[i]);
}

static void set_scheduler(void)
{
	FILE *f = fopen("/sys/kernel/debug/sched/features", "we");

	/* Else a worker that is woken by each frame runs for each frame. */
	if (!f || fputs("NO_WAKEUP_PREEMPTION", f) < 0 || fclose(f))
		fail("turning off wake-up preemption");
}

static const char usage[] =
"usage: vhost_bench [options]\n"
"  --load LIST      of these, with commas between (default: all):\n";

static const char usage_rest[] =
"  --layout LIST    of the guest's memory: 1region, 64regions, iotlb (all)\n"
"  --only LIST      of in-tree, split, packed (all); the latter two are\n"
"                   $WEFT_VHOST, or /dev/vhost-weft\n"
"  --quick LOAD     --load LOAD --layout 1region\n"
"  --rounds N       of which the median is shown (3)\n"
"  --packets N      in a round\n"
"  --ring N         descriptors (256)\n"
"  --in-order       negotiate VIRTIO_F_IN_ORDER on ours\n"
"  --vdpa           ours are vDPA devices of weft_vdpa, of two functions with the\n"
"                   layout 1region\n"
"  --figures FILE   all figures, one a line: LAYOUT LOAD CONTENDER WHAT VALUE\n";

static void help(void)
{
	fputs(usage, stdout);
	for (const struct load *l = loads; l->name; l++)
		printf("                     %-12s %s\n", l->name, l->about);
	fputs(usage_rest, stdout);
	exit(0);
}

static void arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", 0, NULL, 'h' }, { "load", 1, NULL, 'l' }, { "layout", 1, NULL, 'L' },
		{ "only", 1, NULL, 'o' }, { "quick", 1, NULL, 'q' }, { "rounds", 1, NULL, 'r' },
		{ "packets", 1, NULL, 'p' }, { "ring", 1, NULL, 's' },
		{ "in-order", 0, NULL, 'i' }, { "vdpa", 0, NULL, 'v' },
		{ "figures", 1, NULL, 'f' }, { }
	};
	int o;

	while ((o = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (o) {
		case 'l':
			opt.load = optarg;
			break;
		case 'L':
			opt.layout = optarg;
			break;
		case 'o':
			opt.only = optarg;
			break;
		case 'q':
			opt.load = optarg;
			opt.layout = "1region";
			break;
		case 'r':
			opt.rounds = atoi(optarg);
			break;
		case 'p':
			opt.packets = atoi(optarg);
			break;
		case 's':
			opt.size = atoi(optarg);
			break;
		case 'i':
			opt.in_order = true;
			break;
		case 'v':
			opt.vdpa = true;
			opt.layout = "1region";
			break;
		case 'f':
			opt.figures = optarg;
			break;
		case 'h':
			help();
			break;
		default:
			exit(2);
		}
	}
	if (!opt.rounds || opt.rounds > MAX_ROUNDS) {
		fprintf(stderr, "vhost_bench: between 1 and %d rounds\n", MAX_ROUNDS);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	FILE *out = NULL;

	arguments(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	set_scheduler();
	if (opt.figures) {
		out = fopen(opt.figures, "we");
		if (!out)
			fail(opt.figures);
	}
	for (unsigned int i = 0; i < sizeof(layouts) / sizeof(*layouts); i++)
		if (wanted(opt.layout, layouts[i].name))
			bench(i, out);
	printf("* by the host's clock, so noisy; all else is counted, and the same in each run\n");
	if (out && fclose(out))
		fail(opt.figures);
	return 0;
}
