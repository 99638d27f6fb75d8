/* host.c - does what it is told, word by word: loads libraries (piece.c), lets them work, and has their files
 * go.
 *
 *   load PATH      as it is named
 *   memory PATH    a copy in memory, without a name, whose descriptor is closed at once
 *   close          the library
 *   work SIZE      the library allocates ten blocks
 *   own SIZE       the program itself does (piece.c, too)
 *   unlink PATH, raw PATH (by a system call), rename FROM TO, cd PATH, root PATH, unmount PATH (lazily)
 *   sleep MS
 *   wait PATH      until the file is there
 *   say WORD       on standard output
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

void piece_work(size_t size);

static void *library;

static int load(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    return library ? 0 : -1;
}

static int load_from_memory(const char *path)
{
    static char bytes[1 << 20];
    char name[64];
    int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("piece", MFD_CLOEXEC);
    ssize_t size;
    while ((size = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)size) != size)
            return -1;
    snprintf(name, sizeof name, "/proc/self/fd/%d", to);
    int result = load(name);
    close(from);
    close(to);
    return result;
}

static int work(const char *size)
{
    void (*in_library)(size_t);
    *(void **)&in_library = dlsym(library, "piece_work");
    for (int i = 0; i < 10; i++)
        in_library(strtoul(size, NULL, 0));
    return 0;
}

static int own(const char *size)
{
    for (int i = 0; i < 10; i++)
        piece_work(strtoul(size, NULL, 0));
    return 0;
}

static int pause_for(const char *ms)
{
    return usleep((useconds_t)strtoul(ms, NULL, 0) * 1000);
}

static int wait_for(const char *path)
{
    while (access(path, F_OK) != 0)
        usleep(2000);
    return 0;
}

static int say(const char *word)
{
    puts(word);
    return fflush(stdout);
}

static int unlink_by_system_call(const char *path)
{
    return (int)syscall(SYS_unlink, path);
}

static int unmount(const char *path)
{
    return umount2(path, MNT_DETACH);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        int (*act)(const char *argument);
    } acts[] = {
        {"load", load},       {"memory", load_from_memory}, {"work", work},   {"own", own},
        {"sleep", pause_for}, {"wait", wait_for},           {"say", say},     {"raw", unlink_by_system_call},
        {"cd", chdir},        {"unmount", unmount},         {"root", chroot}, {"unlink", unlink},
    };
    for (char **at = argv + 1; at < argv + argc; at++) {
        int result = -1;
        if (strcmp(*at, "close") == 0) {
            result = dlclose(library);
        } else if (strcmp(*at, "rename") == 0) {
            result = rename(at[1], at[2]);
            at += 2;
        } else {
            for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
                if (strcmp(*at, acts[i].word) == 0)
                    result = acts[i].act(at[1]);
            at++;
        }
        if (result != 0) {
            perror(*at);
            return 1;
        }
    }
    return 0;
}
