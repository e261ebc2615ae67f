// SPDX-License-Identifier: GPL-2.0
/*
 * The EDID room as a command, for tests against other people's tools.
 *
 *   edidtool generate BYTES [XRES YRES] >FILE
 *   edidtool check BYTES MAX_XRES MAX_YRES <FILE
 *   edidtool largest BYTES
 *   edidtool tables
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../mdev/edid.c"
#include "../../mdev/edid_check.c"

static int do_generate(int argc, char **argv)
{
	struct weft_mode pref;
	u8 buf[WEFT_EDID_SIZE];
	int len;

	if (argc == 5) {
		pref.xres = atoi(argv[3]);
		pref.yres = atoi(argv[4]);
	}
	len = weft_edid_generate(buf, sizeof(buf), strtoull(argv[2], NULL, 0),
				 argc == 5 ? &pref : NULL, 1);
	if (len < 0) {
		fprintf(stderr, "refused: %d\n", len);
		return 1;
	}
	return fwrite(buf, 1, len, stdout) == (size_t)len ? 0 : 2;
}

static int do_check(char **argv)
{
	const char *why;
	u8 buf[4096];
	size_t len = fread(buf, 1, sizeof(buf), stdin);

	if (!weft_edid_check(buf, len, strtoull(argv[2], NULL, 0),
			     atoi(argv[3]), atoi(argv[4]), &why))
		return 0;
	printf("%s\n", why);
	return 1;
}

static void print_bits(const char *name, const struct weft_mode *modes, int n)
{
	int i;

	for (i = 0; i < n; i++)
		printf("%s byte %d bit %d: %ux%u\n", name, i / 8, 7 - i % 8,
		       modes[i].xres, modes[i].yres);
}

/* What the room believes that numbers and bits mean. */
static int print_tables(void)
{
	u32 i, vic;

	print_bits("established", weft_established,
		   ARRAY_SIZE(weft_established));
	print_bits("established III", weft_established3,
		   ARRAY_SIZE(weft_established3));
	for (i = 0, vic = 1; i < ARRAY_SIZE(weft_vics); i++)
		for (; vic <= weft_vics[i].last; vic++)
			if (weft_vics[i].mode.xres)
				printf("vic %u: %ux%u\n", vic,
				       weft_vics[i].mode.xres,
				       weft_vics[i].mode.yres);
	return 0;
}

int main(int argc, char **argv)
{
	struct weft_mode mode;

	if ((argc == 3 || argc == 5) && !strcmp(argv[1], "generate"))
		return do_generate(argc, argv);
	if (argc == 5 && !strcmp(argv[1], "check"))
		return do_check(argv);
	if (argc == 3 && !strcmp(argv[1], "largest")) {
		if (!weft_mode_largest(strtoull(argv[2], NULL, 0), &mode))
			return 1;
		printf("%u %u\n", mode.xres, mode.yres);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "tables"))
		return print_tables();
	fprintf(stderr, "usage: %s generate|check|largest|tables BYTES ...\n", argv[0]);
	return 2;
}
