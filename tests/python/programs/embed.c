/* embed.c - a program with an interpreter in it, which it starts, has run a script, and ends, twice.
 *
 *   embed SCRIPT           linked with libpython
 *   embed LIBRARY SCRIPT   built with -DLOADED: loads it itself, visible to nobody else
 *
 * Declared by hand, so that no interpreter's headers are needed.
 */
#ifdef LOADED
#include <dlfcn.h>
#endif
#include <stdio.h>
#include <stdlib.h>

#ifdef LOADED
static void (*Py_Initialize)(void);
static int (*Py_FinalizeEx)(void);
static int (*PyRun_SimpleString)(const char *);

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    *(void **)&Py_Initialize = dlsym(library, "Py_Initialize");
    *(void **)&Py_FinalizeEx = dlsym(library, "Py_FinalizeEx");
    *(void **)&PyRun_SimpleString = dlsym(library, "PyRun_SimpleString");
}
#else
extern void Py_Initialize(void);
extern int Py_FinalizeEx(void);
extern int PyRun_SimpleString(const char *);
#endif

static void *volatile kept;

int main(int argc, char **argv)
{
    static char code[8192], base[16];
#ifdef LOADED
    load(argv[1]);
    argc--, argv++;
#endif
    if (argc != 2)
        return 2;
    snprintf(code, sizeof code,
             "__file__ = '%s'\nexec(compile(open(__file__, 'rb').read(), __file__, 'exec'))\n", argv[1]);
    for (int round = 0; round < 2; round++) {
        snprintf(base, sizeof base, "%d", 700001 + 10000 * round);
        setenv("ORACLE_BASE", base, 1);
        Py_Initialize();
        kept = malloc(600001);
        if (PyRun_SimpleString(code) != 0 || Py_FinalizeEx() != 0)
            return 1;
        kept = malloc(600001);
    }
    return 0;
}
