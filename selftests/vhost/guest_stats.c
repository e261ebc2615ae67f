// SPDX-License-Identifier: GPL-2.0
#include "guest_stats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* They are called PID-NUMBER, and the number of a younger one is higher. */
bool guest_stats_dir(char *path, size_t size, unsigned int n)
{
	unsigned long long found[64], number;
	unsigned int have = 0, i;
	struct dirent *e;
	DIR *dir = opendir(GUEST_STATS);
	int pid;

	while (dir && have < 64 && (e = readdir(dir))) {
		if (sscanf(e->d_name, "%d-%llu", &pid, &number) != 2 || pid != getpid())
			continue;
		for (i = have++; i && found[i - 1] > number; i--)
			found[i] = found[i - 1];
		found[i] = number;
	}
	if (dir)
		closedir(dir);
	if (n >= have)
		return false;
	snprintf(path, size, GUEST_STATS "/%d-%llu", getpid(), found[n]);
	return true;
}

const char *guest_stats_text(const char *dir, const char *file, const char *key)
{
	static char values[4][128];
	static unsigned int next;
	char *value = values[next++ % 4], path[256], line[256];
	size_t len = strlen(key);
	FILE *f;

	*value = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "re");
	while (f && !*value && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, key, len) && line[len] == ' ')
			snprintf(value, sizeof(values[0]), "%.100s", line + len + 1);
	}
	if (f)
		fclose(f);
	return value;
}

long long guest_stats(const char *dir, const char *file, const char *key)
{
	const char *text = guest_stats_text(dir, file, key);

	return *text ? strtoll(text, NULL, 0) : -1;
}
