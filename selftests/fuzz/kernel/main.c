// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz-kernel TARGET [--minutes N] [--runs N] [--seed N] [--keep FILE] [FILE...]
 * fuzz-kernel TARGET --replay [FILE...]
 * fuzz-kernel TARGET --merge [FILE...]
 *
 * Begins with the inputs in the FILEs, and tries others that it makes of them,
 * keeping what takes edges of the modules that nothing has taken before. All
 * that is chosen comes from the seed. Nothing is found here: the kernel ends, as
 * it is told to with panic_on_warn. The inputs since a device was opened are in
 * $WEFT_RESULTS/session then, which --replay runs again.
 *
 * --merge prints those inputs of the FILEs that are worth keeping.
 */
#include "fuzz.h"

#include <pthread.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "must.h"

#define SESSION	32	/* inputs for a device */
#define STEPS	400000	/* of one that is kept: chains without an end take many more */

static const struct target *const targets[] = {
	&target_vhost, &target_vdpa, &target_netlink, &target_mdev, &target_vgpu,
	&target_guest,
};

struct counts counts;

static struct options {
	const struct target *target;
	double minutes;
	uint64_t runs, seed;
	bool replay, merge;
	const char *keep;
	char **files;
} opt = { .seed = 1 };

static struct input session[SESSION];
static unsigned int nsession;
static FILE *kept;

/* Out of this kernel, which may not see the next moment. */
static void keep_session(void)
{
	static char path[256];
	static FILE *f;

	if (!*path) {
		snprintf(path, sizeof(path), "%s/session", getenv("WEFT_RESULTS") ?: "/tmp");
		f = fopen(path, "we");
		if (!f)
			give_up(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	}
	rewind(f);
	if (ftruncate(fileno(f), 0))
		give_up(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	fprintf(f, "# %s\n", opt.target->name);
	inputs_write(f, session, nsession);
	fflush(f);
	/* To where others see it, which need not be a disk. */
	sync_file_range(fileno(f), 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			SYNC_FILE_RANGE_WAIT_AFTER);
}

/* Whether it has taken new edges, and not for ever. */
static bool run(const struct input *in)
{
	struct bytes b = { in->data, in->data + in->len };

	cover_begin();
	opt.target->run(&b);
	counts.executions++;
	return cover_new() > 0 && cover_cost() < STEPS;
}

static void run_session(void (*found)(const struct input *in))
{
	keep_session();
	opt.target->open();
	for (unsigned int i = 0; i < nsession; i++)
		if (run(&session[i]) && found)
			found(&session[i]);
	opt.target->close();
	nsession = 0;
}

static void worth(const struct input *in)
{
	corpus_add(in);
	if (kept) {
		inputs_write(kept, in, 1);
		fflush(kept);
	}
}

static void print(const struct input *in)
{
	inputs_write(stdout, in, 1);
}

/* From a file, as one of a session */
static void take(const struct input *in)
{
	session[nsession++] = *in;
	if (nsession == SESSION)
		run_session(opt.merge ? print : worth);
}

static void say(double since)
{
	double s = now() - since;

	printf("%s: %llu executions, %llu calls, %llu rings, ", opt.target->name,
	       (unsigned long long)counts.executions, (unsigned long long)counts.calls,
	       (unsigned long long)counts.rings);
	printf("%.0f executions/s, %u edges, %u inputs\n",
	       counts.executions / (s > 0.001 ? s : 0.001), cover_edges(), corpus_size());
	fflush(stdout);
}

static void *fuzz(void *arg)
{
	struct rng r = { opt.seed * 0x9e3779b97f4a7c15ULL | 1 };
	double start = now(), said = start;

	if (!opt.target->elsewhere)
		cover_join();
	opt.target->begin();
	for (char **f = opt.files; *f; f++)
		inputs_read(*f, take);
	if (nsession)
		run_session(opt.merge ? print : worth);
	if (opt.merge)
		return NULL;
	while (!opt.replay && (!opt.runs || counts.executions < opt.runs) &&
	       (!opt.minutes || now() < start + 60 * opt.minutes)) {
		while (nsession < SESSION)
			corpus_mutate(&r, &session[nsession++]);
		run_session(worth);
		if (now() > said + 60) {
			say(start);
			said = now();
		}
	}
	say(start);
	return NULL;
}

static void refuse(void)
{
	fprintf(stderr, "fuzz-kernel TARGET [--minutes N] [--runs N] [--seed N] [--keep FILE]\n");
	fprintf(stderr, "            [--replay|--merge] [FILE...]\ntargets:");
	for (unsigned int i = 0; i < sizeof(targets) / sizeof(*targets); i++)
		fprintf(stderr, " %s", targets[i]->name);
	fprintf(stderr, "\n");
	exit(2);
}

static void parse(char **argv)
{
	for (unsigned int i = 0; *argv && i < sizeof(targets) / sizeof(*targets); i++)
		if (!strcmp(targets[i]->name, *argv))
			opt.target = targets[i];
	if (!opt.target)
		refuse();
	while (*++argv && !strncmp(*argv, "--", 2)) {
		if (!strcmp(*argv, "--replay"))
			opt.replay = true;
		else if (!strcmp(*argv, "--merge"))
			opt.merge = true;
		else if (!argv[1])
			refuse();
		else if (!strcmp(*argv, "--minutes"))
			opt.minutes = atof(*++argv);
		else if (!strcmp(*argv, "--runs"))
			opt.runs = strtoull(*++argv, NULL, 0);
		else if (!strcmp(*argv, "--seed"))
			opt.seed = strtoull(*++argv, NULL, 0);
		else if (!strcmp(*argv, "--keep"))
			opt.keep = *++argv;
		else
			refuse();
	}
	opt.files = argv;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2)
		refuse();
	parse(argv + 1);
	if (!cover_open() && opt.merge)
		give_up(__FILE__, __LINE__, "this kernel does not tell what is covered");
	if (opt.keep) {
		kept = fopen(opt.keep, "we");
		if (!kept)
			give_up(__FILE__, __LINE__, "%s: %s", opt.keep, strerror(errno));
	}
	errno = pthread_create(&thread, NULL, fuzz, NULL);
	MUST(errno);
	pthread_join(thread, NULL);
	if (opt.target->end)
		opt.target->end();
	return 0;
}
