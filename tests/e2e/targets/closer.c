/* closer.c - closes every descriptor but the standard ones, in each of the ways that programs do it, and goes
 * on. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void blocks(int n)
{
    for (int i = 0; i < n; i++) {
        void *volatile block = malloc(32);
        free(block);
    }
}

int main(void)
{
    blocks(1000);
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
    blocks(1000);
    closefrom(3);
    blocks(1000);

    int open_before = 0;
    DIR *all = opendir("/proc/self/fd");
    if (all) {
        while (readdir(all))
            open_before++;
        closedir(all);
    }
    int fd = dup(1);
    printf("%d entries in /proc/self/fd; the next descriptor is %d\n", open_before, fd);
    return 0;
}
