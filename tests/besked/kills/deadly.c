// Ends the process at its Nth call that writes to a file, makes a write durable or speaks on a socket: what is left is what a
// crash at that moment leaves. Even calls do half of their work first. Preloaded by the tests; see `Deadly` in field.rs.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long at;
static int syncs_only;

__attribute__((constructor)) static void begin(void) {
    const char *nth = getenv("DEADLY_AT"), *kind = getenv("DEADLY_KIND");
    at = nth ? atol(nth) : 0;
    syncs_only = kind && !strcmp(kind, "sync");
}

// A process that ends by itself tells how many calls there were to die at.
__attribute__((destructor)) static void end(void) {
    const char *path = getenv("DEADLY_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld", atomic_load(&calls));
    fclose(file);
}

// True where this is the call to die at.
static int last(int fd, int is_sync) {
    struct stat about;
    if ((syncs_only && !is_sync) || fstat(fd, &about)) return 0;
    if (!S_ISSOCK(about.st_mode) && !S_ISREG(about.st_mode)) return 0;
    return atomic_fetch_add(&calls, 1) + 1 == at;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Half of what was to be written, at even calls.
#define HALF(size) (at % 2 ? 0 : (size) / 2)

#define WRITES(name, parameters, fd, size, whole, half)                     \
    ssize_t name parameters {                                              \
        static ssize_t (*real) parameters;                                 \
        if (!real) real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name);  \
        if (last(fd, 0)) {                                                 \
            if (HALF(size)) (void)!half;                                   \
            die();                                                         \
        }                                                                  \
        return whole;                                                      \
    }

WRITES(write, (int fd, const void *b, size_t n), fd, n, real(fd, b, n), real(fd, b, HALF(n)))
WRITES(pwrite, (int fd, const void *b, size_t n, off_t o), fd, n, real(fd, b, n, o), real(fd, b, HALF(n), o))
WRITES(pwrite64, (int fd, const void *b, size_t n, off64_t o), fd, n, real(fd, b, n, o), real(fd, b, HALF(n), o))
WRITES(send, (int fd, const void *b, size_t n, int f), fd, n, real(fd, b, n, f), real(fd, b, HALF(n), f))
WRITES(writev, (int fd, const struct iovec *v, int n), fd, (size_t)n, real(fd, v, n), real(fd, v, (int)HALF((size_t)n)))
WRITES(sendmsg, (int fd, const struct msghdr *m, int f), fd, (size_t)0, real(fd, m, f), real(fd, m, f))

// A reply that is read, and never acted upon.
#define READS(name, parameters, whole)                                     \
    ssize_t name parameters {                                              \
        static ssize_t (*real) parameters;                                 \
        if (!real) real = (ssize_t(*) parameters)dlsym(RTLD_NEXT, #name);  \
        int is_last = last(fd, 0);                                         \
        ssize_t got = whole;                                               \
        if (is_last) die();                                                \
        return got;                                                        \
    }

READS(recv, (int fd, void *b, size_t n, int f), real(fd, b, n, f))
READS(recvfrom, (int fd, void *b, size_t n, int f, struct sockaddr *a, socklen_t *l), real(fd, b, n, f, a, l))

#define SYNCS(name)                                                        \
    int name(int fd) {                                                     \
        static int (*real)(int);                                           \
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);           \
        if (last(fd, 1)) die();                                            \
        return real(fd);                                                   \
    }

SYNCS(fsync)
SYNCS(fdatasync)
