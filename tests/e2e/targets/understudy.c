/* understudy.c - stands where libtrace.so looks for its collector, and becomes it with shortage.so in it.
 *
 * The file `plan` beside it has three lines: the collector, the library, and SHORTAGE for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char path[4096], lines[3][4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - sizeof "plan");
    if (argc < 1 || size < 0)
        return 1;
    path[size] = '\0';
    strcpy(strrchr(path, '/') + 1, "plan");
    FILE *plan = fopen(path, "re");
    for (int i = 0; i < 3; i++) {
        if (!plan || !fgets(lines[i], sizeof lines[i], plan))
            return 1;
        lines[i][strcspn(lines[i], "\n")] = '\0';
    }
    fclose(plan);
    setenv("LD_PRELOAD", lines[1], 1);
    setenv("SHORTAGE", lines[2], 1);
    argv[0] = lines[0];
    execv(lines[0], argv);
    return 1;
}
