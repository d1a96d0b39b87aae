/*
 * standalone.c - a main() for fuzz targets without libFuzzer.
 *
 * Gives each file named on the command line, and each file in each directory
 * named there, in the order of their names, to LLVMFuzzerTestOneInput(), so
 * that "make test" replays the corpus with any compiler.  A target reports a
 * finding by aborting.  "ok NAME" per file; exit code 1 if a file cannot be
 * read, 2 without arguments.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
complain(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 1;
}

static int
replay_file(const char *path)
{
	FILE	   *f = fopen(path, "rb");
	struct stat st;
	uint8_t	   *data;
	size_t		size;

	if (f == NULL || fstat(fileno(f), &st) != 0)
	{
		if (f != NULL)
			fclose(f);
		return complain(path);
	}
	size = (size_t) st.st_size;

	/*
	 * Memory of exactly this size, none at all for an empty file, so that
	 * ASan sees the first byte read beyond the end.
	 */
	data = size > 0 ? malloc(size) : NULL;
	if (size > 0 && (data == NULL || fread(data, 1, size, f) != size))
	{
		fclose(f);
		free(data);
		return complain(path);
	}
	fclose(f);

	/* Named before, so that a crash says which input it was. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	printf("ok %s\n", path);
	fflush(stdout);
	return 0;
}

static int
skip_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
replay_path(const char *path)
{
	struct stat		st;
	struct dirent **entries;
	int				n;
	int				rc = 0;

	if (stat(path, &st) != 0)
		return complain(path);
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);

	n = scandir(path, &entries, skip_hidden, alphasort);
	if (n < 0)
		return complain(path);
	for (int i = 0; i < n; i++)
	{
		size_t len = strlen(path) + strlen(entries[i]->d_name) + 2;
		char  *child = malloc(len);

		if (child == NULL)
			abort();
		snprintf(child, len, "%s/%s", path, entries[i]->d_name);
		rc |= replay_path(child);
		free(child);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int
main(int argc, char **argv)
{
	int rc = 0;

	if (argc < 2)
	{
		fprintf(stderr, "usage: %s FILE|DIRECTORY ...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		rc |= replay_path(argv[i]);
	return rc;
}
