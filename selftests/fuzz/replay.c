// SPDX-License-Identifier: GPL-2.0
/* A fuzzer's target without the fuzzer: each file of a folder, once. */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int fuzz_one(const unsigned char *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

static void one(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned char *data;
	struct stat st;

	if (!file || fstat(fileno(file), &st))
		err(2, "%s", path);
	/* As long as the input and no longer, for the sanitizer. */
	data = malloc(st.st_size ?: 1);
	if (!data || fread(data, 1, st.st_size, file) != (size_t)st.st_size)
		err(2, "%s", path);
	fclose(file);
	fuzz_one(data, st.st_size);
	free(data);
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	if (argc != 2)
		errx(2, "usage: TARGET FOLDER");
	dir = opendir(argv[1]);
	if (!dir || chdir(argv[1]))
		err(2, "%s", argv[1]);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		one(entry->d_name);
		n++;
	}
	closedir(dir);
	printf("%d inputs\n", n);
	return n ? 0 : 1;
}
