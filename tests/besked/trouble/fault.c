/* Makes a process's disk fail while a file exists: what it says is which failure. Preloaded by a test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Whether the file named in BESKED_TEST_FAULT says this. */
static int is_on(const char *fault) {
    const char *path = getenv("BESKED_TEST_FAULT");
    char said[16] = {0};
    int saved = errno;
    int file = path ? open(path, O_RDONLY) : -1;
    if (file >= 0) {
        if (read(file, said, sizeof said - 1) < 0) said[0] = 0;
        close(file);
    }
    errno = saved;
    return strcmp(said, fault) == 0;
}

/* Whether a descriptor is one of the database's files. */
static int is_database(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "besked.db") != NULL;
}

static int fails(int file, const char *fault, int error) {
    if (!is_database(file) || !is_on(fault)) return 0;
    errno = error;
    return 1;
}

#define NEXT(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

ssize_t write(int file, const void *bytes, size_t count) {
    return fails(file, "full", ENOSPC) ? -1 : NEXT(write, file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    return fails(file, "full", ENOSPC) ? -1 : NEXT(pwrite, file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return fails(file, "full", ENOSPC) ? -1 : NEXT(pwrite64, file, bytes, count, at);
}

int fsync(int file) { return fails(file, "fsync", EIO) ? -1 : NEXT(fsync, file); }

int fdatasync(int file) { return fails(file, "fsync", EIO) ? -1 : NEXT(fdatasync, file); }
